from pathlib import Path

import pytest

from colorization.planning import Extras, beside, explanation_paths, plan_jobs


def test_names_beside_a_result() -> None:
    assert beside(Path("a/photo.old.jpg"), "-1", ".png") == Path("a/photo.old-1.png")
    assert explanation_paths(Path("x.tif")) == (Path("x-explained.png"), Path("x-explained.json"))


@pytest.mark.parametrize(
    ("extras", "names"),
    [
        (Extras(), ["x.jpg"]),
        (Extras(variants=2), ["x-1.jpg", "x-2.jpg", "x-variants.png"]),
        (Extras(explain=True), ["x.jpg", "x-explained.png", "x-explained.json"]),
        (Extras(1, True), ["x-1.jpg", "x-variants.png", "x-1-explained.png", "x-1-explained.json"]),
    ],
)
def test_all_that_a_job_may_write(extras: Extras, names: list[str]) -> None:
    assert [path.name for path in extras.files(Path("x.jpg"))] == names


def test_a_variant_never_replaces_the_result_of_another(tmp_path: Path) -> None:
    """a.png in two variants gives a-1.png; so does nothing else, unless an explanation is named like an input's result."""
    for name in ("a.png", "a-explained.png"):
        (tmp_path / name).write_bytes(b"x")
    assert len(plan_jobs([tmp_path], tmp_path / "out", False, extras=Extras(variants=2))) == 2
    with pytest.raises(ValueError, match=r"a-explained\.png"):
        plan_jobs([tmp_path], tmp_path / "out", False, extras=Extras(explain=True))


def test_what_exists_beside_a_single_result_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "x-2.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"x-2\.png: exists already"):
        plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", False, extras=Extras(variants=2))
    assert plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", True, extras=Extras(variants=2))
