"""The demo: its digits, its choices for a user's own folder, its errors, and a whole run that is interrupted once."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from support.training import write_colours

from penstock.formats import Folder, open_dataset
from penstock.train import load_checkpoint

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module, in a folder of its own."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    spec.loader.exec_module(module)
    return module


def test_digits_are_written_once_as_a_folder_of_jpegs(demo: ModuleType) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    job = demo.digits()
    parts = {name: Folder(f"demo-out/digits/{name}") for name in ("train", "val")}
    assert {name: len(part) for name, part in parts.items()} == {"train": 1438, "val": 359}
    assert parts["train"].classes == parts["val"].classes == [str(k) for k in range(10)]
    assert job.train_folder == Path("demo-out/digits/train")
    images, labels = datasets.load_digits(return_X_y=True)
    for number in (4, 1794):
        with Image.open(f"demo-out/digits/val/{labels[number]}/{number:04d}.jpg") as file:
            assert (file.format, file.size) == ("JPEG", (32, 32))
            small = np.asarray(file.convert("L").resize((8, 8), Image.Resampling.BOX), float)
        assert np.corrcoef(small.ravel(), images[number])[0, 1] > 0.97
    before = sorted((path, path.stat().st_mtime_ns) for path in Path("demo-out").rglob("*.jpg"))
    demo.digits()
    assert sorted((path, path.stat().st_mtime_ns) for path in Path("demo-out").rglob("*.jpg")) == before


def test_half_written_digits_are_written_anew(demo: ModuleType) -> None:
    pytest.importorskip("sklearn")
    unfinished = Path("demo-out/digits.unfinished/train/0")
    unfinished.mkdir(parents=True)
    (unfinished / "rest.jpg").write_bytes(b"")
    demo.digits()
    assert not Path("demo-out/digits.unfinished").exists()
    assert len(Folder("demo-out/digits/train")) == 1438


def test_without_scikit_learn_the_command_that_installs_it_is_named(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATA", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert demo.main() == 1
    assert f"run: {sys.executable} -m pip install scikit-learn" in capsys.readouterr().err


@pytest.mark.parametrize("case", ["missing", "file", "flat", "one class", "few"])
def test_folder_that_does_not_suit_gives_one_clear_error(
    case: str, demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    if case == "file":
        data.write_text("")
    elif case == "few":
        write_colours(data, train=2, val=1)
    elif case != "missing":
        place = data if case == "flat" else data / "only"
        place.mkdir(parents=True)
        for k in range(20):
            Image.new("RGB", (8, 8)).save(place / f"{k}.png")
    monkeypatch.setenv("DATA", str(data))
    assert demo.main() == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert str(data) in lines[0]
    expected = "is no folder; give a folder with" if case in ("missing", "file") else "training needs 16 images or more"
    assert expected in lines[0]


def test_own_folder_is_used_as_it_is_parted_or_split(demo: ModuleType, tmp_path: Path) -> None:
    root = write_colours(tmp_path / "mine", train=8, val=2)
    parted = demo.own_images(root)
    assert parted.train_folder == root / "train"
    first, second = parted.commands
    assert first[:2] == [str(root / "train"), "demo-out/mine-pack/train"]
    assert second[:4] == [str(root / "val"), "demo-out/mine-pack/val", "--classes-from", first[1]]
    whole = demo.own_images(root / "train")
    assert whole.train_folder == root / "train"
    assert whole.commands[0][2:4] == ["--split", "0.8,0.2"]
    assert 1 <= whole.batch_size <= 6


def test_torchs_side_of_the_comparison_reads_the_same_images(demo: ModuleType, tmp_path: Path) -> None:
    root = write_colours(tmp_path, train=3, val=1) / "train"
    images = demo.PillowImages(root, 16, (0.5, 1.0), normalize=((0.5,) * 3, (0.25,) * 3))
    folder = Folder(root)
    assert len(images) == len(folder)
    for k in range(len(folder)):
        tensor, label = images[k]
        assert (tuple(tensor.shape), str(tensor.dtype), label) == ((3, 16, 16), "torch.float32", folder.labels[k])
        mean = (folder[k][0].reshape(-1, 3).mean(0) / 255 - 0.5) / 0.25
        np.testing.assert_allclose(tensor.mean(dim=(1, 2)).numpy(), mean, atol=0.15)


def test_torchs_side_passes_over_images_that_cannot_be_read(demo: ModuleType, tmp_path: Path) -> None:
    root = write_colours(tmp_path, train=2, val=1) / "train"
    for name in ("green/1.jpg", "red/0.jpg"):
        (root / name).write_bytes(b"no image")
    images = demo.PillowImages(root, 16, (0.5, 1.0), normalize=((0.5,) * 3, (0.25,) * 3))
    assert [images[k][1] for k in range(6)] == [0, 0, 1, 2, 2, 2]


def launcher(folder: Path) -> str:
    """A PATH on which pack-dataset is, also where penstock is only on Python's path."""
    folder.mkdir()
    script = folder / "pack-dataset"
    body = "import sys\nfrom penstock.cli.pack_dataset import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ.get("PATH", "")])


@pytest.mark.timeout(600)
def test_a_run_that_was_interrupted_goes_on_and_does_the_whole_job(tmp_path: Path) -> None:
    data = write_colours(tmp_path / "colours", train=10, val=0) / "train"
    (data / "red" / "bad.jpg").write_bytes(b"no image")
    source = sorted(path.read_bytes() for path in data.rglob("*.jpg"))
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PATH": launcher(tmp_path / "bin"), "PYTHONPATH": paths, "DATA": str(data)}
    environment["OMP_NUM_THREADS"] = "1"
    words = [sys.executable, "-u", str(EXAMPLES / "demo.py")]
    with subprocess.Popen(
        words, text=True, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            while not process.stdout.readline().startswith("--- 3: load it"):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()  # does nothing to one that has ended
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted; nothing is left half done, run it again to go on"

    done = subprocess.run(
        words, text=True, cwd=tmp_path, env=environment, timeout=400, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert "already complete" in done.stdout
    for line in ("penstock.loaders.DataLoader, pack ", "torch.utils.data.DataLoader, Pillow ", "ratio  ", "accuracy  "):
        assert f"\n{line}" in done.stdout
    packs = [open_dataset(tmp_path / "demo-out" / "train-pack" / part) for part in ("train", "val")]
    assert sum(len(pack) for pack in packs) == 30, "the bad image was not left out, or good ones were"
    assert load_checkpoint(tmp_path / "demo-out" / "run" / "last.pt").epoch == 10
    with Image.open(tmp_path / "demo-out" / "batch.png") as sheet:
        assert np.asarray(sheet).std() > 20
    assert sorted(path.read_bytes() for path in data.rglob("*.jpg")) == source
