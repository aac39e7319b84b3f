from dataclasses import dataclass, field

import pytest

from retrieval.storage.json_fields import from_json


@dataclass
class Part:
    name: str


@dataclass
class Whole:
    count: int
    share: float = 1.0
    parts: list[Part] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)


FIELDS = {"count": 2, "share": 1, "parts": [Part("a")], "sizes": {"b": 3}}


def test_a_dataclass_of_its_fields() -> None:
    assert from_json(Whole, FIELDS) == Whole(2, 1.0, [Part("a")], {"b": 3})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"count": "2"}, "count is '2'"),
        ({"count": True}, "count is True"),
        ({"count": 2.0}, "count is 2.0"),
        ({"share": "much"}, "share is 'much'"),
        ({"parts": [{"name": "a"}]}, "parts is"),
        ({"parts": {}}, "parts is"),
        ({"sizes": {"b": "3"}}, "sizes is"),
        ({"sizes": {4: 3}}, "sizes is"),
        ({"more": 1}, "more"),
    ],
)
def test_values_of_other_types_and_unknown_fields(changed: dict[str, object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        from_json(Whole, {**FIELDS, **changed})


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_must_be_there(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is missing"):
        from_json(Whole, {key: value for key, value in FIELDS.items() if key != name})


@pytest.mark.parametrize("data", [None, 5, "count", [2]])
def test_what_has_no_names(data: object) -> None:
    with pytest.raises(TypeError, match="has no names"):
        from_json(Whole, data)


def test_a_long_value_is_told_in_short() -> None:
    with pytest.raises(TypeError) as caught:
        from_json(Whole, {**FIELDS, "count": "x" * 1000})
    assert len(str(caught.value)) < 60
