"""The training process: notes its batches in a journal, and saves the loader's state after each."""

from __future__ import annotations

import json
import os
import signal
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from penstock.loaders import DataLoader
from penstock.loaders.devices.tree import tensors_in

from .cases import CASES, EPOCHS
from .plan import Life, Plan

__all__ = ["Entry", "Files", "read_journal", "read_state", "train"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch.

    Attributes:
        epoch: of the state that was saved after it.
        labels: of its samples: their indices, in most cases.
        checksum: of all its bytes, dtypes and shapes.
    """

    epoch: int
    labels: tuple[int, ...]
    checksum: int


@dataclass(frozen=True, slots=True)
class Files:
    """What a run keeps, in a folder of its own."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    def journal(self, life: int) -> Path:
        return self.folder / f"journal-{life}"

    def errors(self, life: int) -> Path:
        return self.folder / f"errors-{life}"


def read_state(files: Files) -> dict[str, Any]:
    """What was saved last: {delivered, loader, generator}; {"delivered": 0} before the first time."""
    if not files.state.exists():
        return {"delivered": 0}
    saved: dict[str, Any] = json.loads(files.state.read_text())
    return saved


def read_journal(files: Files, life: int) -> list[Entry]:
    """The batches that this life was given; a line that was not finished is none."""
    path = files.journal(life)
    *lines, _ = path.read_text().split("\n") if path.exists() else [""]
    return [Entry(epoch, tuple(labels), checksum) for epoch, labels, checksum in map(json.loads, lines)]


def train(plan: Plan, life: Life, number: int, files: Files, pulse: int) -> None:
    """Goes on where the run's state was saved, to the end of the last epoch.

    Args:
        plan: of the run.
        life: which of its lives.
        number: of this life.
        files: of the run.
        pulse: a descriptor; gets one byte before the first and after each batch.
    """
    saved = read_state(files)
    torch.manual_seed(plan.variant.seed % 2**63 if "loader" not in saved else life.seed)
    arguments = {"batch_size": plan.variant.batch_size, "drop_last": plan.variant.drop_last}
    arguments |= CASES[plan.case].arguments(files.folder.parent, plan.variant) | life.arguments
    loader: DataLoader[Any] = DataLoader(**arguments)
    if "loader" in saved:
        loader.load_state_dict(saved["loader"])
        torch.set_rng_state(torch.frombuffer(bytearray.fromhex(saved["generator"]), dtype=torch.uint8))
    _Training(loader, life, files, number, pulse).run(saved["delivered"])


class _Training:
    def __init__(self, loader: DataLoader[Any], life: Life, files: Files, number: int, pulse: int) -> None:
        self._loader = loader
        self._life = life
        self._files = files
        self._pulse = pulse
        self._journal = os.open(files.journal(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._batches = 0

    def run(self, delivered: int) -> None:
        os.write(self._pulse, b".")
        while self._loader.state_dict()["epoch"] < EPOCHS:
            for batch in self._loader:
                delivered += 1
                self._at("after batch")
                state = self._loader.state_dict()
                line = json.dumps([state["epoch"], _labels(batch), _checksum(batch)])
                os.write(self._journal, f"{line}\n".encode())
                self._at("after journal")
                self._save(state, delivered)
                self._batches += 1
                os.write(self._pulse, b".")
            self._at("end of epoch")
            self._save(self._loader.state_dict(), delivered)

    def _save(self, state: dict[str, Any], delivered: int) -> None:
        saved = {"delivered": delivered, "loader": state, "generator": torch.get_rng_state().numpy().tobytes().hex()}
        text = json.dumps(saved)
        target = self._files.state
        temporary = target.with_suffix(".new")
        with open(temporary, "w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            self._at("half a state")
            file.write(text[len(text) // 2 :])
        self._at("before rename")
        temporary.replace(target)
        self._at("after rename")

    def _at(self, point: str) -> None:
        for kill in self._life.kills:
            if kill.point == point and self._batches >= kill.batches:
                os.kill(os.getpid(), signal.SIGKILL)


def _labels(batch: Any) -> list[int]:
    labels: list[int] = batch[1].tolist()
    return labels


def _checksum(batch: Any) -> int:
    found = 0
    for _, tensor in tensors_in(batch):
        found = zlib.crc32(f"{tensor.dtype}{tuple(tensor.shape)}".encode(), found)
        found = zlib.crc32(tensor.contiguous().numpy().tobytes(), found)
    return found
