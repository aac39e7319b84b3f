import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from PIL import Image
from skimage.color import rgb2lab

from colorization.evaluation.measures.signal import psnr
from colorization.photo_files.staged_files import MACHINE, PREFIX
from colorization.photo_files.writer import FORMATS
from retrieval.photos.reader import read_picture

pytestmark = pytest.mark.usefixtures("quick")

Cli = Callable[..., Result]
Refused = Callable[..., str]
Listing = Callable[[Path], dict[str, bytes]]
OddFiles = tuple[dict[str, Path], dict[str, Path]]
ORIENTATION, MAKER, EXIF_IFD, TAKEN = 0x0112, 0x010F, 0x8769, 0x9003


def is_colored(rgb: np.ndarray) -> bool:
    return float(np.ptp(rgb.astype(float), axis=2).mean()) > 0.01 * np.iinfo(rgb.dtype).max


def same_luminance(rgb: np.ndarray, gray: np.ndarray, tolerance: float) -> bool:
    change = rgb2lab(rgb / np.iinfo(rgb.dtype).max) - rgb2lab(
        np.dstack([gray] * 3) / np.iinfo(gray.dtype).max
    )
    return float(np.abs(change[..., 0]).max()) < tolerance


# --- one file


def test_one_file_from_a_reference(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "x.png"
    result = cli("colorize", gray_path, "--reference", reference_path, "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{output} in ") and line.endswith("from reference.png 100%")
    rgb = np.asarray(Image.open(output))
    assert is_colored(rgb) and same_luminance(rgb, np.asarray(Image.open(gray_path)), 0.5)
    assert [p.name for p in output.parent.iterdir()] == ["x.png"]


def test_the_colors_are_those_of_the_scene(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    cli("colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png")
    truth, gray = pictures["motorcycle_left"], np.dstack([np.asarray(Image.open(gray_path))] * 3)
    assert psnr(truth, np.asarray(Image.open(tmp_path / "x.png"))) > psnr(truth, gray) + 3


def test_several_references_are_fused(
    cli: Cli, gray_path: Path, reference_path: Path, library_dir: Path, tmp_path: Path
) -> None:
    references = [reference_path, library_dir / "retina.png", library_dir / "chelsea.png"]
    repeated = [word for path in references for word in ("--reference", path)]
    result = cli("colorize", gray_path, *repeated, "--output", tmp_path / "x.png", "--json")
    (found,) = json.loads(result.stdout)
    assert [r["path"] for r in found["references"]] == [str(p) for p in references]
    shares = [r["influence"] for r in found["references"]]
    assert sum(shares) == pytest.approx(1, abs=0.002) and shares[0] > 0.5


def test_json_is_all_there_is_on_stdout(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    result = cli(
        "colorize",
        gray_path,
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.png",
        "--json",
    )
    (found,) = json.loads(result.stdout)
    assert set(found) == {"input", "output", "references", "seconds", "error", "notes", "passed"}
    assert (found["input"], found["output"], found["error"]) == (
        str(gray_path),
        str(tmp_path / "x.png"),
        None,
    )
    assert (
        found["references"] == [{"path": str(reference_path), "influence": 1.0}]
        and found["seconds"] > 0
    )


def test_references_from_an_index(
    cli: Cli, gray_path: Path, index_dir: Path, library_dir: Path, tmp_path: Path
) -> None:
    result = cli(
        "colorize",
        gray_path,
        "--index",
        index_dir,
        "--top-k",
        2,
        "--output",
        tmp_path / "x.png",
        "--json",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = json.loads(result.stdout)
    wanted = [library_dir / "motorcycle_left.png", library_dir / "sub" / "motorcycle_right.png"]
    assert [r["path"] for r in found["references"]] == [str(p) for p in wanted]
    assert set(found["references"][0]) == {
        "path",
        "influence",
        "score",
        "global_score",
        "feature_score",
        "luminance_score",
    }
    again = json.loads(
        cli("recommend", gray_path, "--index", index_dir, "--top-k", 2, "--json").stdout
    )
    assert [r["path"] for r in again] == [r["path"] for r in found["references"]]


def test_references_go_before_an_index(
    cli: Cli, gray_path: Path, reference_path: Path, index_dir: Path, tmp_path: Path
) -> None:
    result = cli(
        "colorize",
        gray_path,
        "--reference",
        reference_path,
        "--index",
        index_dir,
        "--output",
        tmp_path / "x.png",
    )
    assert result.exit_code == 0 and "from reference.png 100%" in result.stdout
    assert result.stderr == "note: --index is not asked: references are given\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--top-k", 2, "--same-class"], ["--top-k", "--same-class"]),
        (
            ["--method", "training-free", "--vividness", 1, "--temperature", 0.5],
            ["--temperature", "--vividness"],
        ),
        (["--caution", 1], []),
        (["--faithfulness", 0.5], []),
        (["--method", "training-free", "--faithfulness", 0.5], ["--faithfulness"]),
    ],
)
def test_what_has_no_say_is_told(
    cli: Cli,
    gray_path: Path,
    reference_path: Path,
    tmp_path: Path,
    options: list[object],
    told: list[str],
) -> None:
    done = cli(
        "colorize",
        gray_path,
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.png",
        *options,
    )
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.stderr.splitlines()] == told
    assert all(
        line.startswith("note: --") and " does nothing here: it concerns only " in line
        for line in done.stderr.splitlines()
    )


@pytest.mark.parametrize("option", ["--faithfulness", "--caution"])
def test_what_concerns_references_is_told_without_them(
    cli: Cli, gray_path: Path, tmp_path: Path, option: str
) -> None:
    done = cli("colorize", gray_path, "--output", tmp_path / "x.png", option, 0.3)
    assert done.exit_code == 0
    assert done.stderr == f"note: {option} does nothing here: it concerns only references\n"


def test_a_folder_that_cannot_be_opened_fails_and_the_rest_is_done(
    cli: Cli, gray_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gray_dir / "private").mkdir()
    scandir = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    sheet = tmp_path / "sheet.png"
    done = cli("colorize", gray_dir, "--output", tmp_path / "out", "--sheet", sheet)
    assert done.exit_code == 1
    assert f"failed {gray_dir / 'private'}: Permission denied" in done.stderr
    assert " colorized, 0 failed" in done.stdout
    sheet.unlink()
    again = cli("colorize", gray_dir, "--output", tmp_path / "out", "--sheet", sheet)
    assert f"note: no {sheet}: nothing was colorized now" in again.stderr


def test_what_a_killed_run_left_beside_a_single_result_is_removed(
    cli: Cli, gray_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / f"{PREFIX}{MACHINE}-999999999-0123456789ab.tif"
    left.touch()
    assert cli("colorize", gray_path, "--output", tmp_path / "out" / "x.png").exit_code == 0
    assert not left.exists()


def test_the_same_call_gives_the_same_file(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        cli("colorize", gray_path, "--reference", reference_path, "--output", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_caution_holds_color_back(
    cli: Cli, gray_path: Path, library_dir: Path, tmp_path: Path
) -> None:
    spreads = []
    for caution in (0, 20):
        run = [
            "colorize",
            gray_path,
            "--reference",
            library_dir / "chelsea.png",
            "--output",
            tmp_path / f"{caution}.png",
        ]
        assert cli(*run, "--method", "training-free", "--caution", caution).exit_code == 0
        spreads.append(
            np.ptp(np.asarray(Image.open(tmp_path / f"{caution}.png")).astype(int), axis=2).mean()
        )
    assert spreads[1] < 0.7 * spreads[0]


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_caution_that_is_no_number_is_refused(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path, value: str
) -> None:
    result = cli(
        "colorize",
        gray_path,
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.png",
        "--caution",
        value,
    )
    assert result.exit_code == 2 and "caution" in result.stderr
    assert not (tmp_path / "x.png").exists()


def test_a_sheet_of_one(cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path) -> None:
    run = ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"]
    assert cli(*run, "--sheet", tmp_path / "new" / "sheet.png").exit_code == 0
    width, height = Image.open(tmp_path / "new" / "sheet.png").size
    assert width > 2.5 * height  # target, reference, result


# --- folders


def test_a_folder_and_a_second_run(
    cli: Cli, gray_dir: Path, reference_path: Path, tmp_path: Path, listing: Listing
) -> None:
    out = tmp_path / "out"
    run = ["colorize", gray_dir, "--reference", reference_path, "--output", out]
    before = listing(gray_dir)
    result = cli(*run, "--sheet", tmp_path / "sheet.png")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{out}: 2 colorized, 0 failed\n"
    assert list(listing(out)) == [
        ".rechroma.lock",
        "1932",
        "1932/cup.jpg",
        "cat.jpg",
        "manifest.jsonl",
    ]
    assert listing(gray_dir) == before
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width < 2.5 * height  # two rows of three

    (out / "cat.jpg").write_bytes(b"retouched by hand")
    result = cli(*run)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{out}: 0 colorized, 0 failed, 2 existed already and were kept\n",
    )
    assert (out / "cat.jpg").read_bytes() == b"retouched by hand"
    result = cli(*run, "--overwrite")
    assert result.stdout == f"{out}: 2 colorized, 0 failed\n"
    assert Image.open(out / "cat.jpg").format == "JPEG"


def test_files_and_folders_together(
    cli: Cli, gray_dir: Path, gray_path: Path, index_dir: Path, tmp_path: Path, listing: Listing
) -> None:
    result = cli(
        "colorize",
        gray_path,
        gray_dir,
        "--index",
        index_dir,
        "--output",
        tmp_path / "out",
        "--json",
    )
    found = json.loads(result.stdout)
    assert [Path(one["output"]).name for one in found] == ["gray.png", "cup.jpg", "cat.jpg"]
    assert [Path(one["references"][0]["path"]).name for one in found] == [
        "motorcycle_left.png",
        "coffee.png",
        "chelsea.png",
    ]
    assert list(listing(tmp_path / "out")) == [
        ".rechroma.lock",
        "1932",
        "1932/cup.jpg",
        "cat.jpg",
        "gray.png",
        "manifest.jsonl",
    ]


@pytest.fixture(scope="module")
def odd_run(
    tmp_path_factory: pytest.TempPathFactory,
    cli: Cli,
    odd_files: OddFiles,
    pictures: dict[str, np.ndarray],
) -> tuple[Result, Path, Path]:
    """All odd files of conftest and some more in one folder, colorized in one run: result, inputs, outputs."""
    folder = tmp_path_factory.mktemp("odd_run")
    (folder / "in").mkdir()
    for paths in odd_files:
        for name, path in paths.items():
            (folder / "in" / name).write_bytes(path.read_bytes())
    deep = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    tifffile.imwrite(folder / "in" / "deep.tif", deep)
    Image.fromarray(pictures["chelsea"]).convert("LA").save(folder / "in" / "gray_alpha.png")
    Image.fromarray(pictures["chelsea"]).convert("1").save(folder / "in" / "bilevel.png")
    Image.fromarray(pictures["coffee"]).save(folder / "reference.png")
    result = cli(
        "colorize",
        folder / "in",
        "--reference",
        folder / "reference.png",
        "--output",
        folder / "out",
        "--recolor",
    )
    return result, folder / "in", folder / "out"


def test_bad_files_in_a_folder_are_counted(
    odd_run: tuple[Result, Path, Path], odd_files: OddFiles, listing: Listing
) -> None:
    result, inputs, out = odd_run
    bad, good = odd_files
    assert result.exit_code == 1
    assert result.stdout == f"{out}: {len(good) + 3} colorized, {len(bad)} failed\n"
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed ")]
    assert {line.split(": ")[0] for line in failed} == {f"failed {inputs / name}" for name in bad}
    assert len(failed) == len(bad)
    names = {name.replace(".gif", ".png") for name in good} | {
        "deep.tif",
        "gray_alpha.png",
        "bilevel.png",
    }
    # no hidden temporary files either
    assert set(listing(out)) == names | {"manifest.jsonl", ".rechroma.lock"}


def test_odd_files_keep_size_and_transparency(odd_run: tuple[Result, Path, Path]) -> None:
    _, inputs, out = odd_run
    for path in (path for path in out.iterdir() if path.suffix in FORMATS):
        source = next(inputs.glob(f"{path.stem}{path.suffix}"), inputs / f"{path.stem}.gif")
        with Image.open(path) as found, Image.open(source) as original:
            size = original.size[::-1] if path.stem == "rotated" else original.size
            assert found.size == size, path.name
            transparent = path.stem in ("alpha", "gray_alpha")
            if path.suffix != ".tif":
                assert found.mode == ("RGBA" if transparent else "RGB"), path.name
            if transparent:
                np.testing.assert_array_equal(
                    np.asarray(found)[..., 3], np.asarray(original.getchannel("A"))
                )


def test_animations_give_their_first_frame(odd_run: tuple[Result, Path, Path]) -> None:
    _, inputs, out = odd_run
    first = np.asarray(Image.open(inputs / "animated.gif").convert("RGB"))
    luminance = rgb2lab(first)[..., 0]
    assert (
        np.abs(rgb2lab(np.asarray(Image.open(out / "animated.png")))[..., 0] - luminance).max()
        < 0.5
    )


def test_deep_files_stay_deep(odd_run: tuple[Result, Path, Path]) -> None:
    result, inputs, out = odd_run
    for name in ("deep.tif", "deep.png"):
        found = read_picture(out / name).rgb
        assert found.dtype == np.uint16
        assert same_luminance(found, read_picture(inputs / name).rgb[..., 0], 0.02)
    assert "16 bits" not in result.stderr


# --- what the camera wrote


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_rotated_photos_come_out_upright(
    cli: Cli,
    reference_path: Path,
    tmp_path: Path,
    gray_pictures: dict[str, np.ndarray],
    suffix: str,
    orientation: int,
) -> None:
    """Stored as each of the eight EXIF orientations, the same picture comes out; only the lossy ones differ a little."""
    upright = Image.fromarray(gray_pictures["coffee"][:64, :96])
    turn = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose[turn[orientation]])
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Kodak"
    stored.save(tmp_path / f"in{suffix}", exif=exif, quality=95)
    result = cli(
        "colorize",
        tmp_path / f"in{suffix}",
        "--reference",
        reference_path,
        "--output",
        tmp_path / f"x{suffix}",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = Image.open(tmp_path / f"x{suffix}")
    assert found.size == upright.size
    difference = np.asarray(found.convert("L")).astype(int) - np.asarray(upright)
    # Pillow's luma is not quite L; a turned picture is at 40 and more
    assert np.abs(difference).mean() < 12
    assert found.getexif().get(ORIENTATION, 1) == 1
    assert found.getexif()[MAKER] == "Kodak"


@pytest.mark.parametrize("output", ["x.jpg", "x.png", "x.webp", "x.tif"])
def test_camera_data_of_a_jpeg_is_kept(
    cli: Cli, reference_path: Path, tmp_path: Path, gray_path: Path, output: str
) -> None:
    exif = Image.Exif()
    exif[MAKER] = "Kodak"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "1936:07:01 10:00:00"
    Image.open(gray_path).save(tmp_path / "in.jpg", exif=exif, dpi=(300, 300))
    result = cli(
        "colorize",
        tmp_path / "in.jpg",
        "--reference",
        reference_path,
        "--output",
        tmp_path / output,
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = Image.open(tmp_path / output).getexif()
    assert found[MAKER] == "Kodak"
    assert found.get_ifd(EXIF_IFD)[TAKEN] == "1936:07:01 10:00:00"


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_rotated_16_bit_scans_come_out_upright_and_deep(
    cli: Cli, reference_path: Path, tmp_path: Path, suffix: str, orientation: int
) -> None:
    upright = np.linspace(500, 65000, 64 * 96).reshape(64, 96).astype(np.uint16)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = upright if orientation == 1 else np.rot90(upright).copy()
    Image.fromarray(stored).save(tmp_path / f"in{suffix}", exif=exif)
    result = cli(
        "colorize",
        tmp_path / f"in{suffix}",
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.tif",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = tifffile.imread(tmp_path / "x.tif")
    assert found.shape == (64, 96, 3) and found.dtype == np.uint16
    assert same_luminance(found, upright, 0.02)


def test_16_bit_color_scans_stay_deep(cli: Cli, reference_path: Path, tmp_path: Path) -> None:
    """Gray scans are often stored as RGB. Pillow reads 8 bits of them."""
    gray = np.linspace(500, 65000, 64 * 96).reshape(64, 96).astype(np.uint16)
    tifffile.imwrite(tmp_path / "in.tif", np.dstack([gray] * 3), photometric="rgb")
    result = cli(
        "colorize",
        tmp_path / "in.tif",
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.tif",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = tifffile.imread(tmp_path / "x.tif")
    assert found.dtype == np.uint16
    assert same_luminance(found, gray, 0.02)
