"""What keeps the house in order: sizes, mirrored tests, and docstrings that tell every argument."""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("similarity", "retrieval", "colorization")
TOP_LEVEL = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
    *("indexes", "scripts", "tests"),
)
MAX_FILES, MAX_LINES, MAX_BYTES = 15, 300, 4_000_000


def tracked() -> list[Path]:
    """Files of the project, as git has them or would have them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the project is not in git here")
    return [Path(name) for name in found.stdout.splitlines()]


def sources() -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.parts[0] in PACKAGES and (ROOT / path).exists()
    ]


def is_code(path: Path) -> bool:
    """Whether a file has more than constants, types and imports."""
    tree = ast.parse((ROOT / path).read_text())
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)


def has_test(path: Path) -> bool:
    """Whether a module has a test file of its name, alone or in a folder of its name."""
    folder, name = ROOT / "tests" / path.parent, path.stem
    own = [*folder.glob(f"test_{name}.py"), *folder.glob(f"test_{name}_*.py")]
    return bool(own or [*(folder / name).glob(f"test_{name}.py")])


def test_the_top_level_holds_what_belongs_there() -> None:
    """Something that was downloaded lies there easily, and is committed with all else."""
    names = {path.parts[0] for path in tracked() if (ROOT / path).exists()}
    assert {name for name in names if not name.startswith(".")} <= {*PACKAGES, *TOP_LEVEL}


def test_no_file_is_too_large() -> None:
    found = [path for path in tracked() if (ROOT / path).is_file()]
    assert not [path for path in found if (ROOT / path).stat().st_size > MAX_BYTES]


def test_every_source_has_its_test() -> None:
    lacking = {
        str(path)
        for path in sources()
        if path.name != "__init__.py" and is_code(path) and not has_test(path)
    }
    assert not lacking


def test_no_file_is_too_long() -> None:
    texts = {".py", ".sh", ".html", ".css", ".js", ".md", ".toml", ".yml", ""}
    long = {
        str(path)
        for path in tracked()
        if path.suffix in texts
        and (ROOT / path).is_file()
        and len((ROOT / path).read_text("utf-8").splitlines()) > MAX_LINES
    }
    assert not long


def test_no_folder_is_too_full() -> None:
    counts = Counter(str(path.parent) for path in tracked() if (ROOT / path).is_file())
    assert not {folder: count for folder, count in counts.items() if count > MAX_FILES}


def public_functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Functions and methods of a module that others may call."""
    for node in ast.parse((ROOT / path).read_text()).body:
        inside = node.body if isinstance(node, ast.ClassDef) and node.name[0] != "_" else [node]
        for found in inside:
            if isinstance(found, ast.FunctionDef) and found.name[0] != "_":
                yield found


def is_command(function: ast.FunctionDef, path: Path) -> bool:
    """Whether it is a command, whose docstring is its help and whose arguments have theirs."""
    return "cli" in path.parts and function.name == path.stem


def test_every_public_function_tells_its_arguments() -> None:
    lacking = set()
    for path in sources():
        for function in public_functions(path):
            arguments = function.args
            names = [
                a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            ]
            several = len([name for name in names if name not in ("self", "cls")]) >= 2
            told = "Args:" in (ast.get_docstring(function) or "")
            if several and not told and not is_command(function, path):
                lacking.add(str(path))
    assert not lacking
