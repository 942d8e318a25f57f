"""What is shipped: sdist and wheel hold the same package, as files, and it works from another directory."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("augment", "cli", "formats", "loaders", "train")

UNOPTIMISED = {"PENSTOCK_DEBUG": "1"}
"""The core is built a second time here, which takes a third of the time without optimisation."""

SCRIPT = """
import penstock, penstock._core, pathlib
from penstock.augment import Pipeline, RandomResizedCrop
from penstock.formats import Arrays
from penstock.loaders import DataLoader
import numpy as np
images = np.arange(4 * 9 * 7 * 3, dtype=np.uint8).reshape(4, 9, 7, 3)
loader = DataLoader(Arrays(images, [0, 1, 2, 3]), batch_size=2, augment=Pipeline([RandomResizedCrop(5)]), seed=0)
print([tuple(images.shape) for images, labels in loader])
print(pathlib.Path(penstock.__file__).parent)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """The command's standard output; a failure shows both streams."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | UNOPTIMISED
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(sdist, wheel built from that sdist), built from a copy of what git tracks."""
    folder = tmp_path_factory.mktemp("shipped")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("the packaging test needs a git checkout")
    tree = folder / "tree"
    for name in filter(None, listed.stdout.split("\0")):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to((ROOT / name).readlink())
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=tree)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def package_files() -> set[str]:
    """Names below penstock/ that the tree says should be shipped."""
    package = ROOT / "src" / "penstock"
    kinds = ("*.py", "*.pyi", "*.md", "py.typed")
    files = {p for kind in kinds for p in package.glob(kind)}
    files |= {p for folder in FOLDERS for kind in kinds for p in (ROOT / folder).rglob(kind)}
    return {str(p.relative_to(package if p.is_relative_to(package) else ROOT)) for p in files}


@pytest.mark.compiles
@pytest.mark.timeout(600)
def test_wheel_holds_the_package_and_nothing_else(shipped: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(shipped[1]) as wheel:
        names = [n.removeprefix("penstock/") for n in wheel.namelist() if n.startswith("penstock/")]
        others = {n.split("/")[0] for n in wheel.namelist() if not n.startswith("penstock/")}
        links = [i.filename for i in wheel.infolist() if (i.external_attr >> 16) & 0o170000 == 0o120000]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert set(names) == package_files() | {f"_core{suffix}"}
    assert len(names) == len(set(names))
    assert others == {"penstock-0.1.0.dist-info"}
    assert links == []


@pytest.mark.compiles
@pytest.mark.timeout(600)
def test_sdist_holds_the_sources_as_files(shipped: tuple[Path, Path]) -> None:
    with tarfile.open(shipped[0]) as sdist:
        names = {m.name.split("/", 1)[1]: m for m in sdist.getmembers() if "/" in m.name}
    assert {f"src/penstock/{n}" for n in package_files()} <= set(names)
    sources = {str(p.relative_to(ROOT)) for kind in ("cpp", "h") for p in (ROOT / "core").rglob(f"*.{kind}")}
    assert sources | {"setup.py", "README.md", "LICENSE", "Makefile", "constraints.txt"} <= set(names)
    assert not [n for n in names if n.endswith((".so", ".o", ".pyc"))]
    assert not [n for n, member in names.items() if member.issym()]


@pytest.mark.compiles
@pytest.mark.timeout(600)
def test_installed_wheel_works_from_another_directory(shipped: tuple[Path, Path], tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    # torch and the rest come from the environment of the tests: what is tried here is our own wheel. A path named in a
    # .pth file is not searched for further .pth files, so an editable install of penstock there is not seen.
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", shipped[1], cwd=tmp_path)
    lines = run(
        python, "-W", "error", "-W", "ignore:penstock._core is a debug build", "-c", SCRIPT, cwd=tmp_path
    ).splitlines()
    assert lines[0] == "[(2, 3, 5, 5), (2, 3, 5, 5)]"
    assert Path(lines[1]).is_relative_to(environment)
    assert "Usage: pack-dataset" in run(environment / "bin" / "pack-dataset", "--help", cwd=tmp_path)
    assert "Usage: penstock" in run(environment / "bin" / "penstock", "--help", cwd=tmp_path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "libjpeg-turbo's jpeglib.h was not found"),
        ("#define JPEG_LIB_VERSION 90\n", "IJG's libjpeg was found, which lacks what Penstock needs"),
    ],
    ids=["missing", "IJG"],
)
def test_build_without_libjpeg_turbo_says_how_to_install_it(header: str | None, message: str, tmp_path: Path) -> None:
    """A compiler wrapper hides the system's header, or puts IJG's in its place."""
    compiler = tmp_path / "c++"
    if header is not None:
        (tmp_path / "jpeglib.h").write_text(header)
    hide = "" if header is not None else 'for a; do case $a in *.cpp) grep -q jpeglib.h "$a" && exit 1;; esac; done\n'
    compiler.write_text(f'#!/bin/sh\n{hide}exec g++ -I"{tmp_path}" "$@"\n')
    compiler.chmod(0o755)
    command = [sys.executable, "setup.py", "build_ext", "--build-temp", str(tmp_path), "--build-lib", str(tmp_path)]
    environment = {**os.environ, "CXX": str(compiler), "CC": str(compiler)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert message in done.stderr
    for install in (
        "libjpeg62-turbo-dev",
        "libjpeg-turbo-devel",
        "conda-forge libjpeg-turbo",
        "brew install jpeg-turbo",
    ):
        assert install in done.stderr
    assert "Traceback" not in done.stderr
