"""Dataclasses from JSON, which holds whatever somebody wrote there."""

from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def from_json(kind: type[Kind], data: Any) -> Kind:
    """Make a dataclass of JSON's values.

    Args:
        kind: a dataclass of numbers, texts, lists and dictionaries of them, and of other
            dataclasses.
        data: its fields by name, all of them.

    Raises:
        TypeError: a field is unknown or missing, or its value has another type.
    """
    if not isinstance(data, dict):
        raise TypeError(f"{data!r:.40} has no names")
    for name, hint in get_type_hints(kind).items():
        if name not in data:
            raise TypeError(f"{name} is missing")
        if not _is_a(data[name], hint):
            raise TypeError(f"{name} is {data[name]!r:.40}")
    return kind(**data)


def _is_a(value: object, hint: Any) -> bool:
    """Whether a value has a type, the parts of lists and dictionaries included."""
    if (outer := get_origin(hint)) is None:
        return isinstance(value, (int, float) if hint is float else hint) and not isinstance(
            value, bool
        )
    if not isinstance(value, outer):
        return False
    parts = (value, value.values()) if isinstance(value, dict) else (value,)
    return all(
        _is_a(part, one)
        for one, several in zip(get_args(hint), parts, strict=True)
        for part in several
    )
