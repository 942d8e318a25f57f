"""One bad record costs one sample: what a loader that leaves bad samples out, or replaces them, needs of containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.utils.data
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.containers import (
    CLASSES,
    CONTAINERS,
    LABELS,
    csv_file,
    dct_pack,
    encoded,
    folder,
    lmdb_file,
    pack,
    pixels,
    write_folder,
)

from penstock.errors import ChecksumError, DatasetError, MissingFileError, RecordError
from penstock.formats import LMDB, Arrays, Concat, Dataset, LMDBWriter, Pack, Subset
from penstock.formats.pack.index import write_index
from penstock.formats.pack.rows import NameColumn, Rows
from penstock.formats.pack.verify import verify_dataset
from penstock.formats.pack.writer import write_pack
from penstock.formats.reading import read_record
from penstock.formats.sound import sound_records
from penstock.loaders.sources.records import record_source
from penstock.record import Records, RecordSource

COUNT = len(LABELS)


def remove_file(dataset: Any, index: int) -> Dataset:
    Path(dataset.file(index)).unlink()
    return dataset  # type: ignore[no-any-return]


def change_byte(file: str | Path, at: int) -> None:
    """In place: others may have the file open, or mapped."""
    with open(file, "r+b") as stream:
        stream.seek(at)
        (byte,) = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))


def change_lmdb(dataset: Any, index: int) -> Dataset:
    """Changes a byte of the entry's name, which the checksum of its fields covers."""
    change_byte(dataset.path, Path(dataset.path).read_bytes().index(dataset.name(index).encode()))
    return dataset  # type: ignore[no-any-return]


def tear_lmdb(dataset: Any, index: int) -> Dataset:
    """Spoils the first of the pages that the entry has for itself; LMDB notices that."""
    page = 4096
    at = Path(dataset.path).read_bytes().index(dataset.name(index).encode()) // page * page
    for byte in range(at, at + 16):
        change_byte(dataset.path, byte)
    return dataset  # type: ignore[no-any-return]


def large_lmdb(at: Path) -> Dataset:
    with LMDBWriter(at / "large.lmdb", classes=CLASSES) as writer:
        for k, label in enumerate(LABELS):
            writer.add(encoded(pixels(k, 60, 60), "PNG"), label, name=f"sample {k}")
        writer.commit()
    return LMDB(at / "large.lmdb")


def change_shard(dataset: Any, index: int) -> Dataset:
    records = dataset.records([index])
    change_byte(records.paths[records.file[0]], int(records.offset[0]) + 20)
    return dataset  # type: ignore[no-any-return]


def forged(dataset: Any, **columns: Any) -> Pack:
    """The pack with other columns in its index, with right checksums."""
    index = dataset._index
    rows = Rows(**{name: getattr(index.rows, name) for name in Rows.__slots__} | columns)
    manifest = (dataset.path / "pack.json").read_bytes()
    write_index(dataset.path, rows, index.shard_bytes.tolist(), manifest, index.header.pack_id)
    return Pack(dataset.path)


def forge_row(dataset: Any, index: int) -> Dataset:
    offset = dataset._index.rows.offset.copy()
    offset[index] = 2**40
    return forged(dataset, offset=offset)


DAMAGES: dict[str, tuple[Callable[..., Dataset], Callable[[Dataset, int], Dataset]]] = {
    "folder": (folder, remove_file),
    "csv": (csv_file, remove_file),
    "lmdb": (lmdb_file, change_lmdb),
    "pages of an lmdb": (large_lmdb, tear_lmdb),
    "pack": (pack, change_shard),
    "dct pack": (dct_pack, change_shard),
    "index of a pack": (pack, forge_row),
}
"""(what makes a container, what damages its sample `index` and gives the dataset to go on with). Arrays have nothing
that could be damaged."""


def test_every_container_is_here() -> None:
    assert set(CONTAINERS) - set(DAMAGES) == {"arrays", "subset", "concat"}


@pytest.fixture(params=DAMAGES)
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], Dataset]:
    """Makes a container whose sample `index` is damaged."""
    make, damage = DAMAGES[request.param]
    write_folder(tmp_path / "images")
    return lambda index: damage(make(tmp_path), index)


def bad_samples(source: RecordSource, indices: Sequence[int]) -> list[int]:
    """The samples at `indices` that can't be had, as a loader finds out: by asking for all, then by reading each."""
    records, rows, failed = sound_records(source, indices)
    assert sorted([*rows.tolist(), *(row for row, _ in failed)]) == list(range(len(indices)))
    bad = [indices[row] for row, _ in failed]
    assert bad == [error.index for _, error in failed]
    assert all(error.source for _, error in failed)
    labels = [indices[row] for row in rows]
    for position, index in enumerate(labels):
        try:
            read_record(records, position)
        except RecordError:
            bad.append(index)
    return sorted(bad)


@pytest.mark.parametrize("index", [0, 4, COUNT - 1])
def test_one_damaged_record_is_one_bad_sample(damaged: Callable[[int], Dataset], index: int) -> None:
    dataset = damaged(index)
    assert bad_samples(dataset, list(range(COUNT))) == [index]
    assert bad_samples(dataset, [index, 2, index]) == [index, index]
    others = [k for k in range(COUNT) if k != index]
    assert bad_samples(dataset, others) == []
    assert dataset.records(others).labels.tolist() == [LABELS[k] for k in others]
    with pytest.raises(RecordError) as caught:
        dataset[index]
    assert caught.value.index == index
    for k in others:
        assert dataset[k][1] == LABELS[k]


@pytest.mark.parametrize("kind", ["ours", "torch's"])
def test_views_call_the_bad_sample_by_their_own_number(damaged: Callable[[int], Dataset], kind: str) -> None:
    dataset = damaged(4)
    good = Arrays(np.zeros((2, 24, 32, 3), np.uint8), [0, 1], classes=dataset.classes)
    if kind == "ours":
        view: Any = Subset(Concat([good, Subset(dataset, [8, 4, 3]), good]), [6, 0, 3, 2, 3])
        source: Any = view
    else:
        inner = torch.utils.data.Subset(dataset, [8, 4, -6])  # type: ignore[arg-type]
        joined = torch.utils.data.ConcatDataset([good, inner, good])  # type: ignore[list-item]
        source = record_source(torch.utils.data.Subset(joined, [6, 0, 3, 2, 3]))
        assert not isinstance(source, str)
    assert bad_samples(source, [0, 1, 2, 3, 4]) == [2, 4]
    assert bad_samples(source, [3, 4, 0]) == [4]
    assert bad_samples(source, [3, 1, 0]) == []


class Faulty:
    """A source of records some of which are bad, or whose errors don't say which."""

    def __init__(self, bad: set[int], *, tells: bool = True) -> None:
        self.bad = bad
        self.tells = tells
        self.arrays = Arrays(np.zeros((30, 2, 2, 3), np.uint8), np.arange(30))

    def __len__(self) -> int:
        return 30

    def describe(self, index: int) -> str:
        return f"sample number {index}"

    def records(self, indices: Sequence[int] | NDArray[np.int64]) -> Records:
        for index in np.asarray(indices).tolist():
            if index in self.bad:
                raise RecordError("it is bad", source=self.describe(index), index=index if self.tells else None)
        return replace(self.arrays.records(indices))


@given(bad=st.sets(st.integers(0, 29)), chosen=st.lists(st.integers(0, 29), max_size=20))
def test_sound_records_are_all_but_the_bad(bad: set[int], chosen: list[int]) -> None:
    records, rows, failed = sound_records(Faulty(bad), chosen)
    assert rows.tolist() == [row for row, index in enumerate(chosen) if index not in bad]
    assert records.labels.tolist() == [index for index in chosen if index not in bad]
    assert [(row, error.index) for row, error in failed] == [(r, i) for r, i in enumerate(chosen) if i in bad]


def test_an_error_that_does_not_say_whose_it_is_is_raised() -> None:
    with pytest.raises(RecordError, match="sample number 3: it is bad"):
        sound_records(Faulty({3}, tells=False), [1, 3])


def test_errors_keep_class_and_place_through_views(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    files, packed = folder(tmp_path), change_shard(pack(tmp_path), 1)
    view = Subset(Concat([files, packed]), [0, 10])  # where one part has no checksums, those of the other are compared
    with pytest.raises(
        ChecksumError, match=r"pack, record 1 \(bird/1\.png\).*checksum mismatch.*\(sample 1\)"
    ) as caught:
        view.records([0, 1])
    assert caught.value.index == 1
    assert any(entry.name == "_checked" for entry in caught.traceback)  # where it happened
    remove_file(files, 0)
    with pytest.raises(MissingFileError, match=r"bird/0\.jpeg: the file is not there.*\(sample 0\)"):
        view[0]


def test_a_bad_record_with_a_bad_name_is_named_by_its_number(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    dataset: Any = change_shard(pack(tmp_path), 3)
    dataset = forged(dataset, names=NameColumn(np.full(COUNT + 1, -5), dataset.names.blob))
    with pytest.raises(DatasetError):
        dataset.name(3)
    with pytest.raises(ChecksumError, match=r"shard-00000\.pack, record 3: checksum mismatch"):
        dataset[3]


def test_verify_names_every_bad_record(tmp_path: Path) -> None:
    write_folder(tmp_path / "images")
    dataset: Any = change_lmdb(change_lmdb(lmdb_file(tmp_path), 2), 5)
    content = Path(dataset.path).read_bytes()
    payload = bytes(dataset.records([3]).payloads[0])
    change_byte(dataset.path, content.index(payload) + 40)  # found only when it is read
    found = verify_dataset(dataset, lambda *_: None)
    assert found.records == COUNT
    assert [re.findall(r"record \d", problem) for problem in found.problems] == [
        ["record 2"],
        ["record 3"],
        ["record 5"],
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_packing_leaves_bad_records_out(tmp_path: Path, workers: int) -> None:
    write_folder(tmp_path / "images")
    dataset: Any = change_lmdb(change_lmdb(lmdb_file(tmp_path), 2), 5)
    with pytest.raises(RecordError, match=r"a\.lmdb, record 2: the record's fields are damaged") as caught:
        write_pack(dataset, tmp_path / "out")
    assert caught.value.index == 2
    result = write_pack(dataset, tmp_path / "out", on_error="skip", workers=workers)
    assert [Path(skipped.source).name for skipped in result.skipped] == ["a.lmdb, record 2", "a.lmdb, record 5"]
    assert all("fields are damaged" in skipped.reason for skipped in result.skipped)
    assert Pack(tmp_path / "out").labels.tolist() == [LABELS[k] for k in range(COUNT) if k not in (2, 5)]
    assert write_pack(dataset, tmp_path / "out", on_error="skip").was_complete
