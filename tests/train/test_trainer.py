"""Whole runs: they learn, leave whole checkpoints, go on exactly, and fail clearly."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.training import colour_options, write_colours

from penstock.errors import DatasetError, OptionError, TrainingError
from penstock.formats import Arrays
from penstock.train import Options, Result, load_checkpoint, train
from penstock.train.data import single_labels
from penstock.train.main import explain, main


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("colours"), train=20, val=3)


@pytest.fixture(scope="module")
def finished(colours: Path) -> Result:
    """A run of four epochs, never interrupted."""
    return train(colour_options(colours, out=str(colours / "finished")), report=quiet)


def quiet(_: str) -> None:
    """Reports nothing."""


def same_state(a: Path, b: Path) -> None:
    first, second = load_checkpoint(a), load_checkpoint(b)
    for name, value in first.model.items():
        assert torch.equal(value, second.model[name]), name
    for key, state in first.optimizer["state"].items():
        assert torch.equal(state["momentum_buffer"], second.optimizer["state"][key]["momentum_buffer"]), key
    assert (first.epoch, first.step, first.classes) == (second.epoch, second.step, second.classes)


def without_speed(checkpoint: Path) -> list[dict[str, Any]]:
    return [{**epoch, "images_per_second": 0} for epoch in load_checkpoint(checkpoint).history]


def test_learns_three_colours(finished: Result) -> None:
    assert finished.classes == ["blue", "green", "red"]
    assert [epoch.number for epoch in finished.history] == [1, 2, 3, 4]
    assert finished.final.val_top1 == 1.0
    assert finished.final.val_top5 == 1.0
    assert finished.final.train_loss < finished.history[0].train_loss


def test_best_checkpoint_is_that_of_the_first_epoch_with_the_highest_accuracy(finished: Result) -> None:
    accuracies = [epoch.val_top1 for epoch in finished.history]
    assert load_checkpoint(finished.best).epoch == accuracies.index(max(accuracies)) + 1 == finished.best_epoch.number
    assert load_checkpoint(finished.last).epoch == 4


def test_the_seed_alone_decides(colours: Path, tmp_path: Path) -> None:
    last = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        with torch.random.fork_rng():
            torch.manual_seed(len(last))
            last.append(train(colour_options(colours, out=str(tmp_path / name), epochs=1, seed=seed), quiet).last)
    same_state(last[0], last[1])
    with pytest.raises(AssertionError):
        same_state(last[0], last[2])


def test_interrupted_run_goes_on_exactly(colours: Path, finished: Result, tmp_path: Path) -> None:
    options = colour_options(colours, out=str(tmp_path / "run"))

    def interrupt(line: str) -> None:
        if line.startswith("epoch 2/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(options, report=interrupt)
    assert load_checkpoint(tmp_path / "run" / "last.pt").epoch == 2
    lines: list[str] = []
    resumed = train(replace(options, resume=str(tmp_path / "run" / "last.pt")), report=lines.append)
    assert "after 2 of 4 epochs, on" in lines[0]
    assert lines[-1] == f"checkpoints: last {resumed.last}, best {resumed.best}"
    same_state(resumed.last, finished.last)
    assert without_speed(resumed.last) == without_speed(finished.last)


def test_resumed_run_may_write_elsewhere_and_names_a_changed_recipe(
    colours: Path, finished: Result, tmp_path: Path
) -> None:
    lines: list[str] = []
    options = colour_options(colours, epochs=5, weight_decay=0.5, out=str(tmp_path / "new"), resume=str(finished.last))
    result = train(options, report=lines.append)
    assert "epochs 4 -> 5, weight_decay 0.0001 -> 0.5" in lines[0]
    assert [epoch.number for epoch in result.history] == [1, 2, 3, 4, 5]
    checkpoint = load_checkpoint(tmp_path / "new" / "last.pt")
    assert checkpoint.optimizer["param_groups"][0]["weight_decay"] == 0.5


def test_resuming_a_finished_run_trains_nothing(colours: Path, finished: Result) -> None:
    before = finished.last.read_bytes()
    lines: list[str] = []
    options = colour_options(colours, out=str(finished.last.parent), resume=str(finished.last))
    again = train(options, report=lines.append)
    assert again.final == finished.final
    assert finished.last.read_bytes() == before
    assert lines[1] == "nothing left to do: 4 epochs finished already; raise --epochs to go on"
    assert lines[2:] == [f"checkpoints: last {finished.last}, best {finished.best}"]


def test_checkpoints_that_are_not_there_are_not_named(colours: Path, finished: Result, tmp_path: Path) -> None:
    lines: list[str] = []
    train(colour_options(colours, out=str(tmp_path / "new"), resume=str(finished.last)), report=lines.append)
    assert "nothing left to do" in lines[-1]


def test_resume_with_other_classes_is_refused(finished: Result, tmp_path: Path) -> None:
    other = write_colours(tmp_path, train=4, val=1)
    for part in ("train", "val"):
        (other / part / "red").rename(other / part / "violet")
    with pytest.raises(OptionError, match="class 2 is 'red' there and 'violet' in the training set"):
        train(colour_options(other, resume=str(finished.last)), report=quiet)


def test_earlier_run_is_not_overwritten_by_accident(colours: Path, tmp_path: Path) -> None:
    options = colour_options(colours, out=str(tmp_path), epochs=1)
    train(options, report=quiet)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(OptionError, match="holds the checkpoint of an earlier run: go on from it with --resume"):
        train(options, report=quiet)
    assert (tmp_path / "last.pt").read_bytes() == before
    train(replace(options, overwrite=True, seed=1), report=quiet)
    assert (tmp_path / "last.pt").read_bytes() != before


def test_diverged_run_stops_and_keeps_the_last_good_checkpoint(colours: Path, finished: Result, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = colour_options(colours, out=str(out), epochs=6, lr=1e30, resume=str(finished.last))
    with pytest.raises(TrainingError, match=r"the training loss became (nan|inf) in epoch 5: lower --lr \(1e\+30\)"):
        train(options, report=quiet)
    assert list(out.iterdir()) == []
    assert load_checkpoint(finished.last).epoch == 4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 2), np.int64), "here has several labels per image; this trainer learns one class per image"),
        (np.array([0, 1, -1, 2]), "here has images without a label, first .*; put them into class folders"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        single_labels(Arrays(np.zeros((4, 8, 8, 3), np.uint8), labels), "here")


def command(*arguments: object) -> list[str]:
    small = "--model resnet18 --image-size 16 --batch-size 12 --workers 1 --devices cpu"
    return [str(argument) for argument in arguments] + small.split()


@pytest.mark.parametrize(
    ("case", "status", "message"),
    [
        ("no data", 2, "give either one folder that holds train and val"),
        ("missing", 2, "no such file or folder: "),
        ("missing train", 1, "is not there; check the path"),
        ("empty", 1, "no-images"),
        ("unknown class", 1, r"has classes that .*train has not: .*'violet'"),
        ("batch", 2, r"batch_size is 1000, but .*train has 60 images; lower --batch-size"),
        ("resume", 1, r"no checkpoint at .*last.pt; leave --resume out to train anew"),
        ("bad image", 1, r"0.jpg"),
        ("no folder", 1, r"can't write to the folder .*: Not a directory; give another --out"),
        ("long folder", 1, r"can't write to the folder .*: File name too long; give another --out"),
        ("one image", 2, r"batch_size is 1, which leaves one image of 16 px to a device, too little for batch norm"),
        ("uneven slices", 2, r"batch_size is 3, which leaves one image of 16 px to a device"),
        ("odd labels", 1, r"has label 4000000000 \(.*row 2: .*\); expected labels from 0 to the number of classes - 1"),
    ],
)
def test_command_fails_with_one_line(
    case: str, status: int, message: str, colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(failing_command(case, colours, tmp_path)) == status
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert re.search(message, lines[0]), lines[0]


def failing_command(case: str, colours: Path, tmp_path: Path) -> list[str]:
    """The arguments of a command that has to fail."""
    out = ["--out", tmp_path / "run"]
    if case == "unknown class":
        violet = write_colours(tmp_path / "violet", train=1, val=1) / "val"
        (violet / "red").rename(violet / "violet")
        return command("--train", colours / "train", "--val", violet, *out)
    if case == "empty":
        (tmp_path / "no-images").mkdir()
        return command("--train", tmp_path / "no-images", "--val", colours / "val", *out)
    if case == "bad image":
        bad = write_colours(tmp_path / "bad", train=4, val=1)
        (bad / "train" / "red" / "0.jpg").write_bytes(b"no image")
        return command(bad, *out)
    if case == "no folder":
        (tmp_path / "file").write_text("")
        return command(colours, "--out", tmp_path / "file" / "run")
    if case == "odd labels":
        image = colours / "val" / "red" / "0.jpg"
        (tmp_path / "odd.csv").write_text(f"image,label\n{image},4000000000\n")
        return command("--train", tmp_path / "odd.csv", "--val", tmp_path / "odd.csv", *out)
    return {
        "no data": command(),
        "long folder": command(colours, "--out", tmp_path / ("x" * 300)),
        "one image": [*command(colours, *out), "--batch-size", "1"],
        "uneven slices": [
            *command(colours, *out, "--parallel", "scatter"),
            "--batch-size",
            "3",
            "--devices",
            "cpu,cpu",
        ],
        "missing": command(tmp_path / "nothing", *out),
        "missing train": command("--train", tmp_path / "nothing", "--val", colours / "val", *out),
        "batch": [*command(colours, *out), "--batch-size", "1000"],
        "resume": command(colours, *out, "--resume"),
    }[case]


def test_too_little_memory_on_a_device_says_what_to_lower() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of ...")
    assert explain(error) == (
        "the device has too little memory (CUDA out of memory); lower --batch-size or --image-size"
    )


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(what a person sees, what a process writes to): the two ends of a terminal of 120 columns."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    shown, written = pty.openpty()
    fcntl.ioctl(written, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))  # rows, columns
    yield shown, written
    os.close(shown)


def read_all(shown: int) -> str:
    """All that is written to a terminal until its last writer ends."""
    data = b""
    with contextlib.suppress(OSError):  # how Linux tells the end of a terminal
        while more := os.read(shown, 4096):
            data += more
    return data.decode()


def test_ctrl_c_on_a_terminal_ends_bar_and_run_and_keeps_the_last_epoch(
    colours: Path, tmp_path: Path, terminal: tuple[int, int]
) -> None:
    shown, written = terminal
    words = [sys.executable, "-m", "penstock.train", *command(colours, "--epochs", 10_000, "--out", tmp_path)]
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, text=True, env=environment, stdout=subprocess.PIPE, stderr=written) as process:
        try:
            os.close(written)
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("epoch     2/10000"):
                    break
            process.send_signal(signal.SIGINT)
            seen = read_all(shown)
            process.wait(60)
        finally:
            process.kill()  # does nothing to one that has ended
    assert process.returncode == 130, seen
    assert seen.splitlines()[-1].endswith(
        f"interrupted: the last finished epoch is in {tmp_path}/last.pt; "
        "the same command with --resume goes on from there"
    )
    assert re.search(r"epoch 1/10000:.*/60 .*images/s", seen), seen
    assert load_checkpoint(tmp_path / "last.pt").epoch >= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "last.pt"]


def test_help_shows_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as status:
        main(["--help"])
    assert status.value.code == 0
    text = capsys.readouterr().out
    assert "(resnet50)" in text
    assert "torchrun --nproc-per-node 8 -m penstock.train DATA --parallel ddp" in text


def test_greyscale_and_png_images_train_too(tmp_path: Path) -> None:
    root = write_colours(tmp_path, train=5, val=1)
    with Image.open(root / "train" / "red" / "0.jpg") as image:
        image.convert("L").save(root / "train" / "red" / "grey.jpg")
        image.save(root / "train" / "red" / "lossless.png")
    result = train(colour_options(root, epochs=1), report=quiet)
    assert np.isfinite(result.final.val_loss)


def test_options_come_back_from_a_checkpoint(colours: Path, finished: Result) -> None:
    expected = colour_options(colours, out=str(colours / "finished"))
    assert Options(**load_checkpoint(finished.last).options) == expected
