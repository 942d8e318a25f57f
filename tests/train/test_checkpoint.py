"""Checkpoints are whole or absent, load without running code, and fit or are refused."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from penstock.errors import OptionError, TrainingError
from penstock.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from penstock.train.options import Options

OPTIONS = Options(train="a", val="b", model="resnet18")


@pytest.fixture
def checkpoint() -> Checkpoint:
    return Checkpoint(
        epoch=2,
        step=14,
        model={"fc.weight": torch.arange(6.0).reshape(2, 3)},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(2, 3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        history=[{"number": 1, "val_top1": 0.5}, {"number": 2, "val_top1": 0.75}],
        options=OPTIONS.to_dict(),
        classes=["cat", "dog"],
        num_classes=2,
    )


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


def test_comes_back_as_it_was_at_every_path(checkpoint: Checkpoint, tmp_path: Path) -> None:
    paths = [tmp_path / "last.pt", tmp_path / "best.pt"]
    save_checkpoint(checkpoint, *paths)
    for path in paths:
        loaded = load_checkpoint(path)
        for name in ("epoch", "step", "model", "optimizer", "history", "options", "classes", "num_classes"):
            assert same(getattr(loaded, name), getattr(checkpoint, name)), name
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_failed_write_leaves_the_earlier_checkpoint_and_nothing_else(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    before = path.read_bytes()
    message = r"can't write the checkpoint .*last.pt: File too large; .* --resume"
    with pytest.raises(TrainingError, match=message), full_disk():
        save_checkpoint(replace(checkpoint, epoch=3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def full_disk() -> Iterator[None]:
    """Limits files to 100 bytes, as a disk without room would; the limit holds for all that this process writes."""
    resource = pytest.importorskip("resource")
    old_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old_limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)


def test_missing_folder_is_an_error_that_names_it(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no-folder/last.pt: No such file or directory"):
        save_checkpoint(checkpoint, tmp_path / "no-folder" / "last.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "attacked"),)

    path = tmp_path / "last.pt"
    torch.save({"version": 1, "epoch": Attack()}, path)
    with pytest.raises(TrainingError, match=r"last.pt can't be read as a checkpoint: Weights only load failed"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(TrainingError, match=r"last.pt can't be read as a checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_truncated_file_is_refused(checkpoint: Checkpoint, tmp_path: Path, keep: float) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(TrainingError, match=r"last.pt can't be read as a checkpoint: .+; give another one to --resume"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"fc.weight": torch.zeros(1)}, "has checkpoint version none, this trainer reads version 1"),
        ([1, 2], "has checkpoint version none"),
        ({"version": 99}, "has checkpoint version 99, this trainer reads version 1"),
        ({"version": 1, "epoch": 3}, "is damaged: it lacks step, model, optimizer"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, state: object, message: str) -> None:
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match=message):
        load_checkpoint(tmp_path / "other.pt")


def test_text_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hi")
    with pytest.raises(TrainingError, match=r"notes.txt can't be read as a checkpoint: torch.save has not written it;"):
        load_checkpoint(tmp_path / "notes.txt")


def test_missing_file_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no checkpoint at .*last.pt; leave --resume out to train anew"):
        load_checkpoint(tmp_path / "last.pt")


@pytest.mark.parametrize(
    ("options", "classes", "message"),
    [
        (replace(OPTIONS, model="resnet50"), ["cat", "dog"], "with model 'resnet18', this run has 'resnet50'"),
        (replace(OPTIONS, small_stem=True), ["cat", "dog"], "with small_stem False, this run has True"),
        (OPTIONS, ["cat", "dog", "eel"], "for 2 classes, the training set has 3"),
        (OPTIONS, ["cat", "cow"], "class 1 is 'dog' there and 'cow' in the training set; resume with the options"),
    ],
)
def test_checkpoint_of_another_network_or_of_other_classes_is_refused(
    checkpoint: Checkpoint, options: Options, classes: list[str], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        checkpoint.check_fits(options, classes, len(classes), "last.pt")


def test_fitting_checkpoint_passes_and_names_changes_of_the_recipe(checkpoint: Checkpoint) -> None:
    options = replace(OPTIONS, epochs=120, workers=7, out="elsewhere")
    checkpoint.check_fits(options, ["cat", "dog"], 2, "last.pt")
    assert checkpoint.changes(options) == ["epochs 90 -> 120"]
