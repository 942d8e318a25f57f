"""`penstock inspect` and `penstock verify`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.images import image_folder

import penstock
from penstock.cli.text import as_bytes, plural, shown_bytes
from penstock.formats import Pack

Command = Callable[..., Any]


@pytest.fixture
def packed(pack: Command, tmp_path: Path) -> Path:
    image_folder(tmp_path / "in", {"cat": 6, "dog": 4})
    assert pack(tmp_path / "in", tmp_path / "out", "--shard-size", "3kB").code == 0
    return tmp_path / "out"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_inspect_a_pack(look: Command, packed: Path) -> None:
    run = look("inspect", packed)
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith(f"{packed}: Pack\n")
    told = " ".join(run.out.split())
    for words in (
        "images 10",
        "in 4 shards",
        "dct 10",
        "times the source",
        "classes 2 (cat, dog)",
        "4 to 6 images",
        "20 to 20 px",
    ):
        assert words in told
    (told,) = json.loads(look("inspect", packed, "--json").out)
    assert (told["kind"], told["samples"], told["shards"], told["lossy"]) == ("pack", 10, 4, None)
    assert told["codecs"] == {"dct": 10}
    assert told["source_bytes"] == sum(path.stat().st_size for path in (packed.parent / "in").rglob("*.jpg"))


def test_inspect_other_containers(look: Command, pack: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "in", {"cat": 6, "dog": 4})
    assert pack(tmp_path / "in", tmp_path / "lmdb", "--to", "lmdb").code == 0
    (tmp_path / "list.csv").write_text("file,label\nin/cat/000.jpg,cat\n")
    found = {}
    for name in ("in", "lmdb", "list.csv"):
        (found[name],) = json.loads(look("inspect", tmp_path / name, "--json").out)
    assert {name: (told["kind"], told["samples"]) for name, told in found.items()} == {
        "in": ("folder", 10),
        "lmdb": ("lmdb", 10),
        "list.csv": ("csv", 1),
    }
    assert found["in"]["bytes"] == found["lmdb"]["bytes"]
    assert found["in"]["width"] is None


def test_parts_are_shown_one_by_one(look: Command, pack: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "in", {"cat": 6, "dog": 4})
    pack(tmp_path / "in", tmp_path / "out", "--split", "0.5,0.5")
    told = json.loads(look("inspect", tmp_path / "out", "--json").out)
    assert [Path(each["path"]).name for each in told] == ["train", "val"]
    assert look("verify", tmp_path / "out").out.count("5 records") == 2


def test_verify_a_whole_pack(look: Command, packed: Path) -> None:
    run = look("verify", packed, "--decode")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith(f"{packed}: 10 records, ")
    assert run.out.endswith(": all right\n")
    assert json.loads(look("verify", packed, "--json").out)[0]["problems"] == []


def test_verify_names_each_bad_record(look: Command, packed: Path) -> None:
    pack = Pack(packed)
    records = pack.records(range(10))
    for index in (1, 8):
        flip(Path(records.paths[records.file[index]]), int(records.offset[index]) + 100)
    run = look("verify", packed)
    assert run.code == 1
    assert "2 problems" in run.out
    for index in (1, 8):
        assert f"{pack.describe(index)}: checksum mismatch" in run.out


@pytest.mark.parametrize("container", ["in", "list.csv"])
def test_verify_decodes_what_has_no_checksums(look: Command, tmp_path: Path, container: str) -> None:
    image_folder(tmp_path / "in", {"cat": 3})
    (tmp_path / "list.csv").write_text("file,label\nin/cat/000.jpg,cat\nin/cat/001.jpg,cat\nin/cat/002.jpg,cat\n")
    whole = look("verify", tmp_path / container)
    assert (whole.code, whole.err) == (0, "")
    assert whole.out.endswith(", 3 decoded: all right\n")
    bad = tmp_path / "in" / "cat" / "001.jpg"
    bad.write_bytes(bad.read_bytes()[:400])
    run = look("verify", tmp_path / container)
    assert run.code == 1
    assert f"{bad}: " in run.out
    assert run.out.endswith(", 3 decoded: 1 problem\n")


def test_verify_decodes_what_has_checksums_when_asked(
    look: Command, pack: Command, packed: Path, tmp_path: Path
) -> None:
    assert pack(packed, tmp_path / "lmdb", "--to", "lmdb").code == 0
    assert pack(packed, tmp_path / "encoded", "--codec", "encoded").code == 0
    for path in (tmp_path / "encoded", tmp_path / "lmdb"):
        assert [
            json.loads(look("verify", path, "--json", *options).out)[0]["decoded"] for options in ([], ["--decode"])
        ] == [0, 10]


def test_failures_and_misuse(look: Command, tmp_path: Path) -> None:
    missing = look("inspect", tmp_path / "nowhere")
    assert (missing.code, missing.out) == (2, "")
    assert "does not exist" in missing.err
    assert look("frobnicate").code == 2
    (tmp_path / "empty").mkdir()
    empty = look("inspect", tmp_path / "empty")
    assert empty.code == 1
    assert empty.err.startswith("Error: ")


@pytest.mark.parametrize("arguments", [["--help"], ["inspect", "--help"], ["inspect"]])
def test_nothing_heavy_is_imported_before_parsing(arguments: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "from penstock.cli.main import main\nfrom penstock.cli.pack_dataset import main as pack\n"
        "atexit.register(lambda: print([m for m in ('numpy', 'PIL', 'torch', 'pandas') if m in sys.modules]))\n"
        f"main({arguments!r})\n"
    )
    path = str(Path(penstock.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": path}
    )
    assert run.stdout.splitlines()[-1:] == ["[]"], run


@pytest.mark.parametrize(
    ("text", "size"), [("256MB", 256_000_000), ("1.5GiB", 3 << 29), ("4096", 4096), ("10 k", 10_000), ("1tib", 1 << 40)]
)
def test_sizes(text: str, size: int) -> None:
    assert as_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1MB", "MB", "1XB", "0.5", "9" * 400, "9223372036854775808"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size such as 256MB"):
        as_bytes(text)


def test_numbers_for_people() -> None:
    assert [plural(1, "class"), plural(2, "class"), plural(1200, "image")] == ["1 class", "2 classes", "1,200 images"]
    assert [shown_bytes(999), shown_bytes(36_000_000), shown_bytes(2e15)] == ["999 B", "36.0 MB", "2000.0 TB"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_stdout_is_one_line(packed: Path) -> None:
    command = [sys.executable, "-c", "from penstock.cli.main import main; main()", "inspect", str(packed)]
    environment = {"PYTHONPATH": str(Path(penstock.__file__).parent.parent)}
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    assert (run.returncode, run.stderr) == (1, "Error: No space left on device\n")


def test_python_m_penstock_is_the_command(packed: Path) -> None:
    environment = {"PYTHONPATH": str(Path(penstock.__file__).parent.parent)}
    command = [sys.executable, "-m", "penstock", "verify", str(packed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith(", 10 decoded: all right\n")


@pytest.mark.parametrize("command", ["penstock.cli.main", "penstock.cli.pack_dataset"])
def test_the_version_is_told_where_nothing_is_installed(command: str) -> None:
    code = (
        "import importlib.metadata, sys; "
        "importlib.metadata.version = lambda name: sys.exit(f'asked for what is installed as {name}'); "
        f"from {command} import main; assert 'penstock._core' not in sys.modules; main(prog_name='it')"
    )
    environment = {"PYTHONPATH": str(Path(penstock.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"it, version {penstock.__version__}\n", "")
