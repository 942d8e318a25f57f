"""What goes into a pack comes out of it."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.images import encoded, image_folder, pixels
from support.packs import Samples, files_of
from support.pillow import WEBP

from penstock.errors import DatasetNotFoundError, OptionError, UnknownClassError
from penstock.formats import Arrays, Folder, Pack, open_dataset, split
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.verify import verify_pack
from penstock.formats.pack.writer import write_pack
from penstock.formats.reading import flat_view, read_record
from penstock.record import Codec

IMAGES = [encoded(seed, kind) for seed, kind in enumerate(["JPEG", "PNG", WEBP, "BMP", "JPEG", "GIF"])]

LABELS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda value: ((), np.int64, value)),
    st.just(((3,), np.float32, 0.5)),
    st.just(((2,), np.int64, 7)),
)


@settings(max_examples=25)
@given(
    names=st.lists(st.tuples(st.sampled_from(IMAGES), st.text(max_size=12)), min_size=1, max_size=25),
    label=LABELS,
    shard_size=st.integers(1, 4000),
    seed=st.none() | st.integers(0, 2**64 - 1),
)
def test_any_samples_come_back(
    names: list[tuple[bytes, str]],
    label: tuple[tuple[int, ...], type, float],
    shard_size: int,
    seed: int | None,
) -> None:
    shape, dtype, value = label
    labels = np.full((len(names), *shape), value, dtype)
    source = Samples([data for data, _ in names], labels, [name for _, name in names])
    options = PackOptions(codec="encoded", shard_size=shard_size, shuffle=seed is not None, seed=seed or 0)
    with tempfile.TemporaryDirectory() as folder:
        write_pack(source, Path(folder) / "pack", options)
        pack = Pack(Path(folder) / "pack")
        records = pack.records(range(len(pack)))
        found = [(bytes(read_record(records, row)), pack.names[row]) for row in range(len(pack))]
        assert sorted(found) == sorted(names)
        if seed is None:
            assert found == names
        assert pack.labels.dtype == dtype
        np.testing.assert_array_equal(pack.labels, labels)
        assert verify_pack(pack.path, lambda *_: None, decode=True).problems == ()


def test_a_packed_folder_equals_the_folder(tmp_path: Path) -> None:
    folder = Folder(image_folder(tmp_path / "in", {"cat": 5, "dog": 7}))
    write_pack(folder, tmp_path / "out", PackOptions(shard_size=3000))
    pack = open_dataset(tmp_path / "out")
    assert isinstance(pack, Pack)
    assert pack.classes == ["cat", "dog"]
    assert len(list((tmp_path / "out").glob("*.pack"))) > 2
    np.testing.assert_array_equal(pack.labels, folder.labels)
    assert list(pack.names) == [folder.name(k) for k in range(12)]
    for index in range(12):
        np.testing.assert_array_equal(pack[index][0], folder[index][0])
        assert pack[index][1] == folder[index][1]
    images, labels = pack[2:7]
    assert images.shape == (5, 16, 20, 3)
    np.testing.assert_array_equal(labels, folder.labels[2:7])


def test_raw_pixels_stay_raw(tmp_path: Path) -> None:
    images = np.stack([pixels(seed) for seed in range(4)])
    write_pack(Arrays(images, [3, 1, 2, 0]), tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    assert set(pack.records(range(4)).codec) == {Codec.RAW}
    np.testing.assert_array_equal(pack[:][0], images)
    np.testing.assert_array_equal(pack.labels, [3, 1, 2, 0])


def test_a_pack_of_a_pack_is_the_same_pack(tmp_path: Path) -> None:
    as_found = PackOptions(codec="encoded")
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 3, "b": 3})), tmp_path / "one", as_found)
    write_pack(Pack(tmp_path / "one"), tmp_path / "two", as_found)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_parts_of_a_split_pack(tmp_path: Path) -> None:
    folder = Folder(image_folder(tmp_path / "in", {"a": 6, "b": 6}))
    part = split(folder, 0.5)[0]
    write_pack(part, tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    np.testing.assert_array_equal(pack.labels, part.labels)
    assert list(pack.names) == [part.name(k) for k in range(6)]


def test_spec_1_2_records_are_aligned_and_padded(tmp_path: Path) -> None:
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 4})), tmp_path / "pack")
    records = Pack(tmp_path / "pack").records(range(4))
    shard = Path(records.paths[0]).read_bytes()
    assert (records.offset % 64 == 0).all()
    for offset, length in zip(records.offset.tolist(), records.length.tolist(), strict=True):
        assert shard[offset + length : offset + length + 64] == bytes(64)


def test_spec_4_3_the_same_source_gives_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_pack(Folder(image_folder(tmp_path / name / "in", {"a": 3, "b": 2})), tmp_path / name / "pack")
    assert files_of(tmp_path / "first" / "pack") == files_of(tmp_path / "second" / "pack")


def test_a_pack_pickles_as_its_path(tmp_path: Path) -> None:
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 30, "b": 30})), tmp_path / "pack")
    pack = Pack(tmp_path / "pack", classes=["b", "a"], target_transform=str)
    data = pickle.dumps(pack)
    assert len(data) < 1000
    copy = pickle.loads(data)
    assert copy.classes == ["b", "a"]
    assert copy[0][1] == pack[0][1] == "1"


def test_a_pickle_notices_that_the_pack_was_replaced(tmp_path: Path) -> None:
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 3})), tmp_path / "pack")
    data = pickle.dumps(Pack(tmp_path / "pack"))
    write_pack(Folder(image_folder(tmp_path / "other", {"a": 2})), tmp_path / "pack", overwrite=True)
    with pytest.raises(ValueError, match="packed anew since this dataset was pickled: open it again"):
        pickle.loads(data)


def test_classes_renumber_labels_by_name(tmp_path: Path) -> None:
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 1, "b": 2})), tmp_path / "pack")
    pack = Pack(tmp_path / "pack", classes=["x", "b", "a"])
    assert pack.labels.tolist() == [2, 1, 1]
    assert pack.records([0, 1]).labels.tolist() == [2, 1]
    assert not pack.labels.flags.writeable
    with pytest.raises(UnknownClassError, match="'b'"):
        Pack(tmp_path / "pack", classes=["a", "c"])


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"is no pack: it has no readable index\.bin"):
        Pack(tmp_path)


def test_describe_counts_within_the_shard(tmp_path: Path) -> None:
    write_pack(Folder(image_folder(tmp_path / "in", {"a": 9})), tmp_path / "pack", PackOptions(shard_size=2500))
    pack = Pack(tmp_path / "pack")
    rows = pack.records(range(9)).file.tolist()
    for index, shard in enumerate(rows):
        place = tmp_path / "pack" / f"shard-{shard:05d}.pack"
        assert pack.describe(index) == f"{place}, record {index - rows.index(shard)} (a/{index:03d}.jpg)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec": "jpeg"}, "codec must be one of dct, encoded, raw, got 'jpeg'"),
        ({"codec": "raw", "quality": 80}, "quality is that of JPEGs, and codec raw stores pixels"),
        ({"resize": 0}, "resize must be a number of pixels from 1 to 65500, got 0"),
        ({"quality": 101}, "quality must be from 1 to 100, got 101"),
        ({"shard_size": 0}, "shard_size must be at least 1 byte, got 0"),
        ({"seed": -1}, "seed must be from 0 to"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PackOptions(**options)


def test_payload_views_are_flat() -> None:
    assert len(flat_view(np.zeros((2, 3, 3), np.uint8))) == 18
    assert len(flat_view(np.zeros((0, 3), np.uint8))) == 0
