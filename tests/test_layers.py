"""The house rules that a reader relies on: which folder imports which, links, sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "penstock"
FOLDERS = ("augment", "cli", "formats", "loaders", "train")

LEVEL = {
    "errors": 0,
    "_core": 0,
    "_notes": 0,
    "record": 1,
    "rng": 1,
    "formats": 2,
    "augment": 2,
    "loaders": 3,
    "train": 4,
    "cli": 4,
}
"""A module imports its own part, or parts of lower levels; parts of one level don't import each other."""

SIBLINGS = {("record", "errors"), ("rng", "_core")}
TORCH_FREE = ("formats", "cli", "record", "errors", "rng")
TORCH_EXECUTORS = tuple(ROOT / "augment" / "executors" / name for name in ("dali", "torch"))
MAX_LINES = {"python": 400, "binding": 300, "engine": 600}


def modules() -> list[Path]:
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")]
    return sorted(files + list(PACKAGE.glob("*.py")))


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to: its folder, or its module right under penstock."""
    relative = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def dotted(path: Path) -> list[str]:
    """The package that a file's relative imports start from, as parts below penstock."""
    relative = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path.relative_to(ROOT)
    return list(relative.parts[:-1])


def imported_parts(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """(imported part, statement) of every import of penstock's own in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = dotted(path)
            base = base[: len(base) - (node.level - 1)]
            full = base + (node.module.split(".") if node.module else [])
            yield from ((p, node) for p in ([full[0]] if full else [alias.name for alias in node.names]))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "penstock":
            inner = (node.module or "").split(".")[1:]
            yield from ((p, node) for p in ([inner[0]] if inner else [alias.name for alias in node.names]))
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            yield from ((name[1] if len(name) > 1 else "", node) for name in names if name[0] == "penstock")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = part_of(path)
    if here not in LEVEL:
        return  # the facade and the command-line entry points to it
    for part, node in imported_parts(path):
        if part == here or (part, here) in SIBLINGS or (part.startswith("_") and part not in LEVEL):
            continue
        assert part in LEVEL, f"{path}:{node.lineno} imports the facade or something unknown: {part!r}"
        assert LEVEL[part] < LEVEL[here], f"{path}:{node.lineno}: {here} must not import {part}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_of_our_own_stand_at_the_top_and_are_relative(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    top = set(ast.parse(path.read_text()).body)
    statements = {ast.dump(node, include_attributes=True) for node in top}
    guarded = {
        ast.dump(inner, include_attributes=True) for node in top if isinstance(node, ast.If) for inner in node.body
    }
    for _, node in imported_parts(path):
        place = f"{path}:{node.lineno}"
        assert getattr(node, "level", 0), f"{place}: import penstock's own relatively"
        dump = ast.dump(node, include_attributes=True)
        assert dump in statements | guarded, f"{place}: an import of our own inside a function; move it to the top"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    if part_of(path) not in (*TORCH_FREE, "augment") or any(map(path.is_relative_to, TORCH_EXECUTORS)):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not any(n.split(".")[0] == "torch" for n in names), f"{path}:{node.lineno} imports torch"


@pytest.mark.parametrize("folder", FOLDERS)
def test_link_exists_and_resolves(folder: str) -> None:
    link = PACKAGE / folder
    fix = f"run: ln -sfn ../../{folder} src/penstock/{folder}"
    assert link.is_symlink(), f"{link} is no link; {fix}"
    assert link.readlink() == Path("..", "..", folder), f"{link} leads elsewhere; {fix}"
    assert (link / "__init__.py").is_file(), f"{link} does not resolve; {fix}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_root_package_refuses_another_name(folder: str) -> None:
    source = (ROOT / folder / "__init__.py").read_text()
    code = compile(source, folder, "exec")
    with pytest.raises(ImportError, match=f"import this package as penstock.{folder}, not as '{folder}'"):
        exec(code, {"__name__": folder})


def test_modules_are_small() -> None:
    native = list((ROOT / "core").rglob("*.cpp")) + list((ROOT / "core").rglob("*.h"))
    limits = [(p, MAX_LINES["python"]) for p in modules()]
    limits += [(p, MAX_LINES["binding" if "binding" in p.parts else "engine"]) for p in native]
    long = [f"{p.relative_to(ROOT)}: {n} > {limit}" for p, limit in limits if (n := p.read_text().count("\n")) > limit]
    assert not long, "look for the object that wants out of these modules:\n" + "\n".join(long)


def test_the_engine_knows_no_python() -> None:
    for path in filter(Path.is_file, (ROOT / "core" / "engine").rglob("*")):
        text = path.read_text()
        assert not any(header in text for header in ("pybind11", "Python.h")), f"{path} includes Python's headers"
