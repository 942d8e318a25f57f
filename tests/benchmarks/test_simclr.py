"""The comparison of SimCLR's views runs, and its contestants make what they should. Nothing here measures time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.simclr import TORCHVISION, Native, measure, render, torchvisions
from support.loading import write_folder
from support.torchvision_shim import torchvision_module

from penstock.augment import simclr
from penstock.formats import Folder, Pack
from penstock.formats.pack.writer import write_pack


def test_penstock_makes_both_views_of_records_in_memory(tmp_path: Path) -> None:
    folder = Folder(write_folder(tmp_path / "images", 3, (".jpg",)))
    write_pack(folder, tmp_path / "pack")
    views = simclr(32)
    for dataset in (folder, Pack(tmp_path / "pack")):
        native = Native(dataset, views)
        for index in range(3):
            native([index], 4)
            for out, expected in zip(native.outs, views.apply(dataset[index][0], index, epoch=4), strict=True):
                np.testing.assert_array_equal(out[0], expected)


def test_every_contestant_has_its_turns_in_every_round(tmp_path: Path) -> None:
    torchvision_module("transforms")  # skips without torchvision
    folder = Folder(write_folder(tmp_path / "images", 3, (".jpg",)))
    turns: list[tuple[int, ...]] = []
    theirs = torchvisions([Path(folder.describe(index)) for index in range(3)])
    contestants = {"ours": lambda images, number: turns.append((number, *images)), TORCHVISION: theirs}
    times = measure(contestants, 3, 2)
    assert turns == [(0, 0, 1, 2), (1, 0, 1, 2)]
    assert [len(seconds) for seconds in times.values()] == [2, 2]
    assert all(second > 0 for seconds in times.values() for second in seconds)


def test_the_table_compares_medians() -> None:
    table = render({"ours": [0.001, 0.002, 0.009], TORCHVISION: [0.02, 0.03, 0.01]})
    assert "| ours | 2.00 | 1.00 to 9.00 | 10.0 |" in table
