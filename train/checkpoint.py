"""Checkpoints: what a run needs to go on exactly, written whole or not at all."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import OptionError, TrainingError
from .augmentation import DEFAULT, describe_change
from .options import Options

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state after `epoch` finished epochs.

    Attributes:
        epoch: epochs finished.
        step: optimiser steps taken; the schedule goes on from here.
        model: state dict of the network, names as in torchvision.
        optimizer: state dict of the optimiser.
        history: one dict of numbers per finished epoch (`Epoch` in `trainer.py`).
        options: `Options.to_dict()` of the run.
        classes: class names of the training set; may be empty where labels have no names.
        num_classes: width of the last layer.
    """

    epoch: int
    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    history: list[dict[str, Any]]
    options: dict[str, Any]
    classes: list[str]
    num_classes: int

    def check_fits(self, options: Options, classes: list[str], num_classes: int, source: str) -> None:
        """Refuses a checkpoint of another network or of other classes.

        Raises:
            OptionError: names what differs.
        """
        for name in ("model", "small_stem"):
            ours, theirs = getattr(options, name), self.options.get(name)
            if ours != theirs:
                raise OptionError(f"{source} was written with {name} {theirs!r}, this run has {ours!r}; {ADVICE}")
        if num_classes != self.num_classes:
            raise OptionError(
                f"{source} was written for {self.num_classes} classes, the training set has {num_classes}; {ADVICE}"
            )
        if classes != self.classes:
            pairs = enumerate(zip_longest(self.classes, classes))
            k, theirs, ours = next((k, a, b) for k, (a, b) in pairs if a != b)
            raise OptionError(
                f"{source} was written for other classes: class {k} is {theirs!r} there and {ours!r} in the "
                f"training set; {ADVICE}"
            )

    def changes(self, options: Options) -> list[str]:
        """The parts of the recipe that differ from those of the run that wrote this, such as "epochs 90 -> 120"."""
        ours, theirs = options.to_dict(), {"augment": DEFAULT, **self.options}
        changes = [f"{name} {theirs.get(name)} -> {ours[name]}" for name in RECIPE if theirs.get(name) != ours[name]]
        if theirs["augment"] != ours["augment"]:
            changes.append(f"augment {describe_change(theirs['augment'], ours['augment'])}")
        return changes


RECIPE = (
    "image_size",
    "val_resize",
    "crop_scale",
    "flip",
    "mean",
    "std",
    "epochs",
    "batch_size",
    "lr",
    "momentum",
    "weight_decay",
    "warmup_epochs",
    "label_smoothing",
    "seed",
)
FIELDS = tuple(field.name for field in fields(Checkpoint))
ADVICE = "resume with the options and data it was written with, or train anew without --resume"


def save_checkpoint(checkpoint: Checkpoint, *paths: Path) -> None:
    """Writes the same checkpoint to each path; a path always holds a whole checkpoint or none.

    Raises:
        TrainingError: it can't be written (no room, no permission ...); what was at the path stays.
    """
    state = {"version": VERSION, **{name: getattr(checkpoint, name) for name in FIELDS}}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    for path in paths:
        try:
            _write_whole(path, buffer.getbuffer())
        except OSError as error:
            raise TrainingError(
                f"can't write the checkpoint {path}: {error.strerror or error}; what was there before is untouched. "
                "Make room or give another --out, then go on with --resume"
            ) from error


def _write_whole(path: Path, data: memoryview) -> None:
    """A temporary sibling, flushed to disk, then renamed; so is the folder's entry."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Reads a checkpoint onto the CPU; runs no code from the file (`weights_only`).

    Raises:
        TrainingError: there is no such file, or it is no checkpoint that this version of the trainer wrote.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles of other kinds; they are refused anyway
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"no checkpoint at {path}; leave --resume out to train anew") from None
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, KeyError, ValueError) as error:
        # What a KeyError of the unpickler says is a byte of the file.
        said = "" if isinstance(error, KeyError) else str(error).strip().partition("\n")[0]
        reason = said or "torch.save has not written it"
        raise TrainingError(f"{path} can't be read as a checkpoint: {reason}; give another one to --resume") from error
    if not isinstance(state, dict) or state.get("version") != VERSION:
        found = state.get("version", "none") if isinstance(state, dict) else "none"
        raise TrainingError(
            f"{path} has checkpoint version {found}, this trainer reads version {VERSION}; give another one"
        )
    missing = [name for name in FIELDS if name not in state]
    if missing:
        raise TrainingError(f"{path} is damaged: it lacks {', '.join(missing)}; give another one to --resume")
    return Checkpoint(**{name: state[name] for name in FIELDS})
