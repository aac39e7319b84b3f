"""Pages that ask people, and what their choices come to.

The page's own arithmetic runs where node is installed.
"""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from fake_pipeline import NAMES
from PIL import Image
from study_page import Page, near, picture, sepia, write

from colorization.demo import luminance_of
from colorization.evaluation.user_study import SIDE, build_study, match_names


def test_names_match_without_their_suffix(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    rgb = pictures["coffee"]
    one = write(tmp_path / "one", {"a": rgb, "1932/b": rgb, "only": rgb})
    two = write(tmp_path / "two", {"a": rgb, "1932/b": rgb, "b": rgb}, ".jpg")
    matched, unmatched = match_names([one, two])
    assert list(matched) == ["1932/b", "a"] and unmatched == 2
    assert matched["1932/b"] == [one / "1932" / "b.png", two / "1932" / "b.jpg"]


def test_a_page_asks_which_is_real(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    assert build_study(real_dir, [result_dir], tmp_path / "new" / "study.html") == (4, 0)
    study = Page(tmp_path / "new" / "study.html").study
    assert (study["kind"], study["names"], study["question"]) == (
        "real",
        ["sepia", "real"],
        "Which photograph is real?",
    )
    assert sorted(trial["photo"] for trial in study["trials"]) == list(NAMES)
    for trial in study["trials"]:
        truth = pictures[trial["photo"]]
        other = "b" if trial["first"] == "a" else "a"
        assert near(picture(trial[trial["first"]]), sepia(truth)) and near(
            picture(trial[other]), truth
        )
        assert "gray" not in trial
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["study.html"]


def test_a_page_compares_two_methods_beside_the_gray_photo(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    blue = write(
        tmp_path / "blue",
        {n: np.ascontiguousarray(sepia(pictures[n])[..., ::-1]) for n in NAMES[:3]},
    )
    assert build_study(real_dir, [result_dir, blue], tmp_path / "study.html") == (3, 1)
    study = Page(tmp_path / "study.html").study
    assert (study["kind"], study["names"]) == ("preference", ["sepia", "blue"])
    for trial in study["trials"]:
        truth = pictures[trial["photo"]]
        other = "b" if trial["first"] == "a" else "a"
        assert near(picture(trial[trial["first"]]), sepia(truth)) and near(
            picture(trial[other]), sepia(truth)[..., ::-1]
        )
        assert near(picture(trial["gray"]), luminance_of(truth))


def test_order_and_sides_are_shuffled_by_the_seed(tmp_path: Path) -> None:
    small = {f"{i:02}": np.full((12, 12, 3), (i * 6, 90, 200 - i * 6), np.uint8) for i in range(30)}
    real, result = write(tmp_path / "real", small), write(tmp_path / "result", small)
    pages = []
    for i, seed in enumerate((1, 1, 2)):
        build_study(real, [result], tmp_path / f"{i}.html", seed)
        pages.append(tmp_path / f"{i}.html")
    assert pages[0].read_bytes() == pages[1].read_bytes()
    first, other = Page(pages[0]).study, Page(pages[2]).study
    names = [[trial["photo"] for trial in study["trials"]] for study in (first, other)]
    assert (
        names[0] != sorted(names[0])
        and names[0] != names[1]
        and sorted(names[0]) == sorted(names[1]) == sorted(small)
    )
    assert 5 < [trial["first"] for trial in first["trials"]].count("a") < 25
    assert first["id"] != other["id"]
    build_study(real, [result], tmp_path / "few.html", 1, limit=7)
    assert [t["photo"] for t in Page(tmp_path / "few.html").study["trials"]] == names[0][:7]


def test_both_pictures_have_one_size_and_one_encoding(tmp_path: Path) -> None:
    """A photo of 1200 x 800 and a result of 300 x 200.

    Both are shown at 512 x 341, so that size betrays nothing.
    """
    gradient = np.linspace(0, 255, 1200).astype(np.uint8)
    big = np.repeat(np.stack((gradient, gradient[::-1], gradient), 1)[None], 800, 0)
    real = write(tmp_path / "real", {"a": big})
    result = write(tmp_path / "result", {"a": big[::4, ::4]}, ".jpg")
    build_study(real, [result], tmp_path / "study.html")
    (trial,) = Page(tmp_path / "study.html").study["trials"]
    assert (
        picture(trial["a"]).shape
        == picture(trial["b"]).shape
        == (round(800 * SIDE / 1200), SIDE, 3)
    )
    heads = [base64.b64decode(trial[side].split(",")[1]) for side in "ab"]
    tables = [Image.open(io.BytesIO(head)).quantization for head in heads]  # type: ignore[attr-defined]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "name", ["</script><b>x", "<!--<script>", 'quote"s', "Ölbild 写真", "__STUDY__"]
)
def test_any_file_name_can_take_part(
    tmp_path: Path, pictures: dict[str, np.ndarray], name: str
) -> None:
    rgb = pictures["chelsea"]
    for folder in ("real", "result"):
        write(tmp_path / folder, {"x": rgb})
        target = tmp_path / folder / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "x.png").rename(target)
    build_study(tmp_path / "real", [tmp_path / "result"], tmp_path / "study.html")
    page = Page(tmp_path / "study.html")
    assert [trial["photo"] for trial in page.study["trials"]] == [name]
    assert len(page.inside["script"]) == 2 and "addEventListener" in page.code


def test_what_cannot_be_a_study_is_refused(
    real_dir: Path, result_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    page = tmp_path / "study.html"
    page.write_text("an earlier study")
    with pytest.raises(ValueError, match="exists; choose another --output"):
        build_study(real_dir, [result_dir], page)
    with pytest.raises(ValueError, match=r"must be an \.html file"):
        build_study(real_dir, [result_dir], real_dir / "coffee.png", overwrite=True)
    with pytest.raises(ValueError, match="one or two folders"):
        build_study(real_dir, [], page, overwrite=True)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        build_study(real_dir, [tmp_path / "gone"], page, overwrite=True)
    other = write(tmp_path / "other", {"elsewhere": pictures["coffee"]})
    with pytest.raises(ValueError, match="no picture has the same name"):
        build_study(real_dir, [other], page, overwrite=True)
    turned = write(
        tmp_path / "turned", {"coffee": np.ascontiguousarray(pictures["coffee"].transpose(1, 0, 2))}
    )
    with pytest.raises(ValueError, match=r"coffee\.png: 128 x \d+ is of another shape"):
        build_study(real_dir, [turned], page, overwrite=True)
    twice = write(
        write(tmp_path / "twice", {"coffee": pictures["coffee"]}),
        {"coffee": pictures["coffee"]},
        ".jpg",
    )
    with pytest.raises(ValueError, match="two pictures of one name"):
        build_study(real_dir, [twice], page, overwrite=True)
    (result_dir / "coffee.png").write_text("not a picture\n")
    with pytest.raises(ValueError, match=r"coffee\.png: not a picture"):
        build_study(real_dir, [result_dir], page, overwrite=True)
    assert page.read_text() == "an earlier study"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["study.html"]
