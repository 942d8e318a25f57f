"""`_core.pyi` describes the built module: its names (by mypy's stubtest) and its parameters (by their own words)."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import _core

ROOT = Path(__file__).parents[2]
STUB = ast.parse((ROOT / "src" / "penstock" / "_core.pyi").read_text())


def declared_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """(dotted name, declaration) of all functions and methods in the stub, without properties."""
    for node in STUB.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef) and not member.decorator_list:
                yield prefix + member.name, member


def parameters(declaration: ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    """(kind, name, default) of each parameter but self."""
    given = declaration.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + [ast.unparse(value) for value in given.defaults]
    listed = [("positional", p.arg, default) for p, default in zip(positional, defaults, strict=True)]
    for parameter, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        listed.append(("keyword", parameter.arg, ast.unparse(value) if value else None))
    return [entry for entry in listed if entry[1] not in ("self", "arg0")]


@pytest.mark.parametrize(("name", "declaration"), [pytest.param(*pair, id=pair[0]) for pair in declared_functions()])
def test_parameters_are_those_that_the_module_tells(name: str, declaration: ast.FunctionDef) -> None:
    built: Any = _core
    for part in name.split("."):
        built = getattr(built, part)
    signature = built.__doc__.splitlines()[0]
    actual = ast.parse(f"def {signature}: ...").body[0]
    assert isinstance(actual, ast.FunctionDef)
    assert parameters(actual) == parameters(declaration)


def test_names_are_those_of_the_module(tmp_path: Path) -> None:
    pytest.importorskip("mypy.stubtest")
    # pybind11's classes have a metaclass of their own, of which nobody needs to know.
    (tmp_path / "allowed").write_text("penstock._core.(BufferPool|Engine|Permutation|Program)\n")
    command = [sys.executable, "-m", "mypy.stubtest", "penstock._core", "--allowlist", str(tmp_path / "allowed")]
    source = str(ROOT / "src")
    done = subprocess.run(
        [*command, "--mypy-config-file", str(ROOT / "pyproject.toml")],
        env=os.environ | {"PYTHONPATH": source, "MYPYPATH": source, "MYPY_CACHE_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
