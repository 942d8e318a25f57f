"""Bytes of a pack that have changed, by accident or by an attacker (SPEC.md, section 8)."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.images import image_folder

from penstock._core import crc32c
from penstock.errors import ChecksumError, DatasetError, PenstockError, RecordError, TruncatedError
from penstock.formats import Folder, Pack
from penstock.formats.pack.index import write_index
from penstock.formats.pack.parquet import write_parquet
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.rows import NameColumn, Rows
from penstock.formats.pack.shard import read_footer
from penstock.formats.pack.verify import verify_pack
from penstock.formats.pack.writer import write_pack
from penstock.record import Records

Content = list[tuple[bytes, int, str]]


def content(pack: Pack) -> Content:
    """Everything that a pack gives, by reading all of it."""
    return [(pack[k][0].tobytes(), int(pack.labels[k]), pack.names[k]) for k in range(len(pack))]


def outcome(directory: Path) -> Content | str:
    """What reading all of a pack gives: its content, or the message of a Penstock error; nothing else may happen."""
    try:
        return content(Pack(directory))
    except PenstockError as error:
        return str(error)


def problems(directory: Path) -> tuple[str, ...]:
    return verify_pack(directory, lambda *_: None).problems


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    source = Folder(image_folder(folder / "in", {"cat": 3, "dog": 2}, width=8, height=8))
    write_pack(source, folder / "pack", PackOptions(codec="encoded", shard_size=2500))
    assert len(list((folder / "pack").glob("*.pack"))) == 2
    return folder / "pack"


@pytest.fixture(scope="module")
def expected(original: Path) -> Content:
    return content(Pack(original))


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "pack"))


def changed(path: Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def flips(path: Path, stride: int) -> Iterator[int]:
    """Flips one bit at every `stride`-th byte in turn, and puts it back."""
    data = path.read_bytes()
    for at in range(0, len(data), stride):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        yield at
    path.write_bytes(data)


@pytest.mark.parametrize(("name", "stride"), [("index.bin", 3), ("pack.json", 7)])
def test_no_changed_byte_of_the_index_goes_unnoticed(copy: Path, expected: Content, name: str, stride: int) -> None:
    for at in flips(copy / name, stride):
        found = outcome(copy)
        assert found == expected or (isinstance(found, str) and str(copy) in found), (at, found)
        assert name == "index.bin" or found != expected, at  # index.bin has padding
    for at in flips(copy / name, stride * 5):
        assert problems(copy), at


def test_no_changed_byte_of_a_shard_goes_unnoticed(copy: Path, expected: Content) -> None:
    for at in flips(copy / "shard-00001.pack", 41):
        read = outcome(copy)
        assert read == expected or (isinstance(read, str) and "shard-00001.pack, record " in read), (at, read)
        found = problems(copy)
        assert len(found) == 1, (at, found)
        assert "shard-00001.pack" in found[0]


def test_a_changed_record_is_named_with_its_remedy(copy: Path) -> None:
    pack = Pack(copy)
    records = pack.records([4])
    changed(Path(records.paths[records.file[0]]), lambda data: data.__setitem__(int(records.offset[0]) + 9, 0))
    with pytest.raises(
        ChecksumError, match=r"shard-00001\.pack, record 1 \(dog/001\.jpg\).*checksum mismatch"
    ) as caught:
        pack[4]
    assert caught.value.index == 4
    assert "restore the file" in str(caught.value)
    assert pack[3][1] == 1


@pytest.mark.parametrize("name", ["index.bin", "pack.json", "shard-00000.pack", "shard-00001.pack"])
@pytest.mark.parametrize("keep", [0, 1, 63, 64, 100, -1])
def test_truncated_files(copy: Path, name: str, keep: int) -> None:
    path = copy / name
    os.truncate(path, keep if keep >= 0 else path.stat().st_size - 1)
    with pytest.raises(DatasetError, match=name.replace(".", r"\.")) as caught:
        Pack(copy)
    assert "pack the dataset again" in str(caught.value)
    assert problems(copy)


@pytest.mark.parametrize("name", ["pack.json", "shard-00000.pack", "index.parquet"])
def test_missing_files(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert any(name in problem for problem in problems(copy))
    if name != "index.parquet":
        with pytest.raises(DatasetError, match=name.replace(".", r"\.")):
            Pack(copy)


def test_a_shard_truncated_while_open(copy: Path) -> None:
    pack = Pack(copy)
    pack[4]
    os.truncate(copy / "shard-00001.pack", 200)
    with pytest.raises(
        TruncatedError, match=r"shard-00001\.pack, record 1 \(dog/001\.jpg\): expected \d+ bytes"
    ) as caught:
        pack[4]
    assert caught.value.index == 4
    assert pack[0][1] == 0


def test_shards_of_another_pack_are_noticed(copy: Path, tmp_path: Path) -> None:
    source = Folder(image_folder(tmp_path / "in", {"cat": 3, "dog": 2}, width=8, height=8))
    write_pack(source, tmp_path / "other", PackOptions(shard_size=2600))
    shutil.copy(tmp_path / "other" / "shard-00000.pack", copy)
    assert any("belongs to another pack" in problem for problem in problems(copy))
    shutil.copy(copy / "shard-00001.pack", copy / "shard-00000.pack")
    assert any("expected shard 0, its header says 1" in problem for problem in problems(copy))


def test_parquet_that_differs_is_named(copy: Path) -> None:
    pack = Pack(copy)
    rows = pack._index.rows
    other = Rows(**{**_columns(rows), "width": rows.width + 1, "label": rows.label[::-1]})
    write_parquet(copy, other, pack.classes)
    found = problems(copy)
    assert [problem.rsplit("index.parquet: ", 1)[-1] for problem in found] == [
        "column label differs from the index",
        "column class differs from the index",
        "column width differs from the index",
    ]


def test_rows_can_be_rebuilt_from_the_shards(copy: Path) -> None:
    """SPEC.md, 1.3."""
    index = Pack(copy)._index
    rebuilt = Rows.joined([read_footer(copy, number).rows for number in range(2)])
    for section, column in index.rows.sections(with_shard=True).items():
        np.testing.assert_array_equal(rebuilt.sections(with_shard=True)[section], column)
    before = (copy / "index.bin").read_bytes()
    (copy / "index.bin").unlink()
    manifest = (copy / "pack.json").read_bytes()
    write_index(copy, rebuilt, index.shard_bytes.tolist(), manifest, index.header.pack_id)
    assert (copy / "index.bin").read_bytes() == before


def _columns(rows: Rows) -> dict[str, Any]:
    return {name: getattr(rows, name) for name in Rows.__slots__}


def forged(directory: Path, **columns: Any) -> None:
    """Replaces columns of the index, with right checksums: what an attacker would do."""
    index = Pack(directory)._index
    rows = Rows(**{**_columns(index.rows), **columns})
    manifest = (directory / "pack.json").read_bytes()
    write_index(directory, rows, index.shard_bytes.tolist(), manifest, index.header.pack_id)


BIG = 2**63 - 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("offset", BIG, "outside its shard"),
        ("offset", BIG // 64 * 64, "outside its shard"),
        ("offset", -64, "outside its shard"),
        ("offset", 0, "outside its shard"),
        ("offset", 65, "outside its shard"),
        ("length", BIG, "outside its shard"),
        ("length", -1, "outside its shard"),
        ("length", 2**31 - 1, "outside its shard"),
        ("codec", 3, "codec or flags are unknown"),
        ("codec", 255, "codec or flags are unknown"),
        ("codec", 1, "size in pixels is impossible"),
        ("flags", 1, "codec or flags are unknown"),
        ("width", -1, "size in pixels is impossible"),
    ],
)
def test_forged_rows_are_refused_when_used(copy: Path, column: str, value: int, message: str) -> None:
    values = getattr(Pack(copy)._index.rows, column).copy()
    values[3] = value
    forged(copy, **{column: values})
    pack = Pack(copy)
    pack[2]
    with pytest.raises(RecordError, match=message) as caught:
        pack[3]
    assert str(caught.value).startswith(f"{copy}/shard-00001.pack, record 0 (dog/000.jpg): ")
    assert caught.value.index == 3
    assert problems(copy)


@pytest.mark.parametrize("offsets", [[0, -5, 7, 9, 11, 13], [0, 2**62, 7, 9, 11, 13], [0, 9, 5, 9, 11, BIG]])
def test_forged_names_are_refused(copy: Path, offsets: list[int]) -> None:
    forged(copy, names=NameColumn(np.array(offsets), Pack(copy).names.blob))
    assert problems(copy)
    with pytest.raises(DatasetError, match=r"index\.bin: name \d should lie within \d+ bytes"):
        list(Pack(copy).names)


def test_names_that_are_not_utf_8_are_refused(copy: Path) -> None:
    names = Pack(copy).names
    blob = names.blob.copy()
    blob[0] = 0xFF
    forged(copy, names=NameColumn(names.offsets, blob))
    assert problems(copy)
    with pytest.raises(DatasetError, match="name 0 is not UTF-8"):
        Pack(copy).name(0)


def test_one_float_per_sample_is_no_label(copy: Path) -> None:
    forged(copy, label=np.zeros(5, np.float32))
    with pytest.raises(DatasetError, match="expected section label of <i8 or <f4 x k, got <f4 x 0"):
        Pack(copy)
    assert problems(copy)


def test_labels_outside_the_classes_are_found(copy: Path) -> None:
    forged(copy, label=np.array([0, 1, 2, -1, -2]))
    found = [problem for problem in problems(copy) if "none of the 2 classes" in problem]
    assert ["of sample 2" in found[0], "of sample 4" in found[1], len(found)] == [True, True, 2]
    with pytest.raises(DatasetError, match="label 2 of sample 2"):
        Pack(copy, classes=["dog", "cat"])


def sealed(data: bytearray, start: int) -> None:
    """Puts the right checksum at the end of a 64-byte block."""
    data[start + 60 : start + 64] = struct.pack("<I", crc32c(bytes(data[start : start + 60])))


@pytest.mark.parametrize("name", ["index.bin", "shard-00000.pack"])
def test_spec_6_an_unknown_version_is_refused(copy: Path, name: str) -> None:
    def newer(data: bytearray) -> None:
        data[8:12] = struct.pack("<I", 2)
        sealed(data, 0)

    changed(copy / name, newer)
    message = "pack format version 2 is unknown, this Penstock reads version 1: upgrade penstock"
    assert any(message in problem for problem in problems(copy))
    if name == "index.bin":
        with pytest.raises(DatasetError, match=message):
            Pack(copy)


def test_spec_6_an_unknown_version_of_pack_json_is_refused(copy: Path) -> None:
    told = json.loads((copy / "pack.json").read_text())
    (copy / "pack.json").write_text(json.dumps(told | {"version": 9}))
    with pytest.raises(DatasetError, match="version 9 is unknown"):
        Pack(copy)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("id", value) for value in ("", "zz", "00", 7, None)),
        *(("classes", value) for value in (None, "ab", [1])),
        *(("samples", value) for value in ("5", None, True, 1.5)),
        *(("skipped", value) for value in ([1], [{}], None)),
        *(("options", []), ("codecs", 3), ("fields", {}), ("lossy", 1), ("bytes", None), ("source", "")),
        ("format", "tar"),
    ],
)
def test_each_field_of_pack_json(copy: Path, field: str, value: object) -> None:
    told = json.loads((copy / "pack.json").read_text())
    (copy / "pack.json").write_text(json.dumps(told | {field: value}))
    with pytest.raises(DatasetError, match=rf"pack\.json: .*{field}"):
        Pack(copy)


@pytest.mark.parametrize("field", ["id", "classes", "lossy", "samples"])
def test_pack_json_without_a_field(copy: Path, field: str) -> None:
    told = json.loads((copy / "pack.json").read_text())
    del told[field]
    (copy / "pack.json").write_text(json.dumps(told))
    with pytest.raises(DatasetError, match=rf"pack\.json: .*{field}"):
        Pack(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\ud800"])
def test_pack_json_that_is_no_object(copy: Path, text: str) -> None:
    (copy / "pack.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DatasetError, match=r"pack\.json: expected"):
        Pack(copy)


def test_an_edited_pack_json_is_noticed(copy: Path) -> None:
    told = json.loads((copy / "pack.json").read_text())
    (copy / "pack.json").write_text(json.dumps(told | {"classes": ["dog", "cat"]}))
    with pytest.raises(DatasetError, match=r"pack\.json: checksum mismatch.*changed after packing"):
        Pack(copy)


EDGES = st.sampled_from(
    [0, 1, 2, 63, 64, 65, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**40 + 1, 2**63 - 1, 2**63, 2**64 - 1]
)
FIELDS = [
    *((8, "<I"), (12, "<I"), (32, "<Q"), (40, "<I")),  # header of the index
    *((64, "<I"), (72, "<Q"), (80, "<Q")),  # head of its table
    *(
        (96 + 32 * k + at, kind)
        for k in range(13)
        for at, kind in ((0, "<I"), (4, "<I"), (8, "<Q"), (16, "<I"), (24, "<Q"))
    ),
]


def forged_index(original: Path, at: int, kind: str, value: int) -> bytearray:
    """The bytes of index.bin with one number replaced, and right checksums over header and directory."""
    data = bytearray((original / "index.bin").read_bytes())
    data[at : at + struct.calcsize(kind)] = struct.pack(kind, value & (2 ** (8 * struct.calcsize(kind)) - 1))
    sealed(data, 0)
    (count,) = struct.unpack_from("<I", data, 64)
    directory = bytes(data[64:68] + data[72 : 96 + 32 * min(count, 64)])
    data[68:72] = struct.pack("<I", crc32c(directory))
    return data


@settings(max_examples=150)
@given(field=st.sampled_from(FIELDS), value=EDGES)
def test_forged_counts_never_crash(original: Path, expected: Content, field: tuple[int, str], value: int) -> None:
    """Every count, offset and length of index.bin set to an edge value, with right checksums."""
    with Damaged(original, "index.bin", forged_index(original, *field, value)) as forged_directory:
        found = outcome(forged_directory)
        assert found == expected or (isinstance(found, str) and str(forged_directory) in found), found
        problems(forged_directory)


def test_labels_of_another_shape_than_promised_are_noticed(original: Path) -> None:
    label_width = 96 + 32 * 8 + 16  # the ninth section, items per row
    with (
        Damaged(original, "index.bin", forged_index(original, label_width, "<I", 1)) as forged_directory,
        pytest.raises(
            DatasetError, match=r"index\.bin: expected labels as pack\.json describes them .* got \('int64', \[1\]\)"
        ),
    ):
        Pack(forged_directory)


@settings(max_examples=60)
@given(field=st.sampled_from([(12, "<I"), (16, "<Q"), (24, "<Q"), (32, "<Q")]), value=EDGES)
def test_forged_trailers_never_crash(original: Path, field: tuple[int, str], value: int) -> None:
    at, kind = field
    data = bytearray((original / "shard-00000.pack").read_bytes())
    start = len(data) - 64
    before = bytes(data)
    data[start + at : start + at + struct.calcsize(kind)] = struct.pack(kind, value % 2 ** (8 * struct.calcsize(kind)))
    sealed(data, start)
    with Damaged(original, "shard-00000.pack", data) as directory:
        assert bool(problems(directory)) == (bytes(data) != before)


class Damaged:
    """A directory like `original` with one file replaced; a context manager. The other files are links."""

    def __init__(self, original: Path, name: str, data: bytes) -> None:
        self._original, self._name, self._data = original, name, data

    def __enter__(self) -> Path:
        self._folder = self._original.parent / "damaged"
        self._folder.mkdir()
        for path in self._original.iterdir():
            if path.name == self._name:
                (self._folder / path.name).write_bytes(self._data)
            else:
                os.link(path, self._folder / path.name)
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)


def test_the_index_holds_no_python_object_per_sample(original: Path) -> None:
    """SPEC.md, 2: columns are views of the mapped file."""
    records: Records = Pack(original).records([0])
    labels = Pack(original).labels
    assert records.checksum is not None
    assert not labels.flags.owndata
    assert not labels.flags.writeable
