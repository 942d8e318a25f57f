"""Packs that store JPEGs as dct records (SPEC.md, section 9)."""

from __future__ import annotations

import io
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.images import encoded, image_folder
from support.jpegs import Kind, kinds, make_jpeg, pillow_rgb
from support.packs import Samples, files_of

from penstock._core import crc32c, encode_dct
from penstock.errors import ChecksumError, DatasetError, DecodeError, OptionError, PenstockError, RecordError
from penstock.formats import Arrays, Folder, Pack
from penstock.formats.dct import check_dct, dct_pixels
from penstock.formats.lmdb_writer import LMDBWriter
from penstock.formats.pack.index import write_index
from penstock.formats.pack.parquet import write_parquet
from penstock.formats.pack.plan import PackOptions, make_plan
from penstock.formats.pack.prepare import Preparation
from penstock.formats.pack.shard import read_footer
from penstock.formats.pack.table import SectionId, write_table
from penstock.formats.pack.transfer import transfer
from penstock.formats.pack.verify import verify_dataset, verify_pack
from penstock.formats.pack.writer import write_pack
from penstock.formats.reading import read_record
from penstock.record import Codec

VERSION_1 = Path(__file__).parent / "version-1"


def cmyk() -> bytes:
    file = io.BytesIO()
    Image.new("CMYK", (20, 16), (10, 90, 200, 30)).save(file, "JPEG")
    return file.getvalue()


def samples(*data: bytes) -> Samples:
    return Samples(data, np.arange(len(data)), [f"{k}.jpg" for k in range(len(data))])


def problems(directory: Path) -> tuple[str, ...]:
    return verify_pack(directory, lambda *_: None).problems


def packed(directory: Path, *data: bytes, options: PackOptions | None = None) -> Pack:
    write_pack(samples(*data), directory, options)
    return Pack(directory)


@settings(max_examples=60)
@given(kind=kinds, width=st.integers(1, 70), height=st.integers(1, 70), seed=st.integers(0, 9))
def test_pixels_are_those_of_the_source(
    tmp_path_factory: pytest.TempPathFactory, kind: Kind, width: int, height: int, seed: int
) -> None:
    data = make_jpeg(kind, width, height, seed)
    expected = pillow_rgb(data)
    pack = packed(tmp_path_factory.mktemp("pack") / "pack", data)
    np.testing.assert_array_equal(pack[0][0], expected)
    rebuilt = pack.jpeg(0)
    np.testing.assert_array_equal(pillow_rgb(rebuilt), expected)
    records = pack.records([0])
    if records.codec[0] == Codec.DCT:
        assert encode_dct(rebuilt)[0] == bytes(read_record(records, 0)), "other coefficients, tables or metadata"
    else:
        assert rebuilt == data
        assert sum(pack.manifest.fallbacks.values()) == 1
    assert problems(pack.path) == ()


def test_ordinary_jpegs_are_dct_records(tmp_path: Path) -> None:
    kinds = [Kind(sampling, progressive) for sampling in ("4:4:4", "4:2:0", "grey") for progressive in (False, True)]
    pack = packed(tmp_path / "pack", *(make_jpeg(kind, 33, 21) for kind in kinds))
    assert pack.manifest.codecs == {"dct": 6}
    assert pack.manifest.fallbacks == {}
    records = pack.records(range(6))
    assert records.checksum is not None
    for row in range(6):
        assert crc32c(read_record(records, row)) == records.checksum[row]  # SPEC.md, 3.1: of the whole record
    transformed = Pack(tmp_path / "pack", transform=lambda image: (image.mode, image.size))
    assert transformed[0][0] == ("RGB", (33, 21))


def test_metadata_is_kept(tmp_path: Path) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "what it shows"
    Image.new("RGB", (24, 16), (200, 30, 60)).save(file, "JPEG", exif=exif, comment=b"hello", icc_profile=b"profile")
    with Image.open(io.BytesIO(packed(tmp_path / "pack", file.getvalue()).jpeg(-1))) as rebuilt:
        assert rebuilt.getexif()[0x010E] == "what it shows"
        assert rebuilt.info["comment"] == b"hello"
        assert rebuilt.info["icc_profile"] == b"profile"


def test_jpeg_gives_files_as_found_and_says_what_is_none(tmp_path: Path) -> None:
    data = cmyk()
    pack = packed(tmp_path / "pack", data, encoded(1, "PNG"), encoded(2))
    assert pack.jpeg(0) == data
    with pytest.raises(
        RecordError, match=r"record 1 \(1\.jpg\): expected a JPEG, but the sample is a PNG file"
    ) as caught:
        pack.jpeg(1)
    assert caught.value.index == 1
    with pytest.raises(IndexError, match="index 3 is out of range"):
        pack.jpeg(3)
    write_pack(Arrays(np.zeros((1, 4, 4, 3), np.uint8), [0]), tmp_path / "raw")
    with pytest.raises(RecordError, match="expected a JPEG, but the sample is raw pixels"):
        Pack(tmp_path / "raw").jpeg(0)


@pytest.mark.parametrize("workers", [0, 2])
def test_reasons_are_counted_also_over_a_stop(tmp_path: Path, workers: int) -> None:
    """SPEC.md, 3.3: each shard says why its records are encoded, so a second run knows of those it finds finished."""
    data = [encoded(0), encoded(1, "PNG"), cmyk(), encoded(3, "PNG"), encoded(4), b"no image"]
    options = PackOptions(shard_size=1)
    with pytest.raises(DecodeError, match="memory 5: "):
        write_pack(samples(*data), tmp_path / "pack", options)
    assert read_footer(tmp_path / "pack", 1).fallbacks == {"PNG file": 1}
    assert read_footer(tmp_path / "pack", 0).fallbacks == {}
    result = write_pack(samples(*data), tmp_path / "pack", options, on_error="skip", workers=workers)
    assert result.reused_shards == 5
    assert result.fallbacks == Pack(tmp_path / "pack").manifest.fallbacks == {"CMYK JPEG": 1, "PNG file": 2}
    assert result.codecs == {"dct": 2, "encoded": 3}
    assert result.skipped[0].reason.endswith("the bytes are of no known image format")
    write_pack(samples(*data), tmp_path / "at-once", options, on_error="skip")
    assert files_of(tmp_path / "pack") == files_of(tmp_path / "at-once")


def test_a_jpeg_that_is_not_whole_is_a_bad_image_and_no_fallback(tmp_path: Path) -> None:
    whole = make_jpeg(Kind("4:2:0"), 64, 64)
    with pytest.raises(RecordError, match=r"memory 1: .* \(sample 1\)"):
        packed(tmp_path / "pack", whole, whole[: len(whole) // 2])
    result = write_pack(samples(whole, whole[: len(whole) // 2]), tmp_path / "pack", on_error="skip")
    assert (result.samples, len(result.skipped), result.fallbacks) == (1, 1, {})


def test_dct_records_are_copied_from_pack_to_pack(tmp_path: Path) -> None:
    one = packed(tmp_path / "one", encoded(0), encoded(1), encoded(2, "PNG"))
    write_pack(one, tmp_path / "two")
    two = Pack(tmp_path / "two")
    assert two.manifest.codecs == one.manifest.codecs
    assert two.manifest.fallbacks == one.manifest.fallbacks
    pair = one.records(range(3)), two.records(range(3))
    for row in range(3):
        assert read_record(pair[0], row) == read_record(pair[1], row)


def test_rebuilt_jpegs_make_the_same_records(tmp_path: Path) -> None:
    one = packed(tmp_path / "one", encoded(0), make_jpeg(Kind("4:2:0", progressive=True), 40, 30))
    write_pack(one, tmp_path / "jpegs", PackOptions(codec="encoded"))
    assert Pack(tmp_path / "jpegs").manifest.codecs == {"encoded": 2}
    write_pack(Pack(tmp_path / "jpegs"), tmp_path / "back")
    records, again = one.records([0, 1]), Pack(tmp_path / "back").records([0, 1])
    for row in range(2):
        assert read_record(records, row) == read_record(again, row)
    write_pack(one, tmp_path / "raw", PackOptions(codec="raw"))
    raw = Pack(tmp_path / "raw")
    assert set(raw.records([0, 1]).codec) == {Codec.RAW}
    for index in range(2):
        np.testing.assert_array_equal(raw[index][0], one[index][0])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_shrunk_jpeg_is_a_dct_record_of_the_shrunk_jpeg(tmp_path: Path, mode: str) -> None:
    data = make_jpeg(Kind("grey" if mode == "L" else "4:2:0"), 64, 48)
    asked = {"resize": 20, "quality": 70}
    pack = packed(tmp_path / "dct", data, options=PackOptions(codec="dct", **asked))
    plain = packed(tmp_path / "encoded", data, options=PackOptions(codec="encoded", **asked))
    assert pack.records([0]).codec[0] == Codec.DCT
    assert pack.manifest.lossy == plain.manifest.lossy == asked
    np.testing.assert_array_equal(pack[0][0], plain[0][0])
    assert pack[0][0].shape == (20, 27, 3)
    with Image.open(io.BytesIO(pack.jpeg(0))) as rebuilt:
        assert rebuilt.mode == mode
    # The same from a pack of dct records, which are rebuilt and then shrunk.
    write_pack(packed(tmp_path / "source", data), tmp_path / "from-pack", PackOptions(**asked))
    np.testing.assert_array_equal(Pack(tmp_path / "from-pack")[0][0], plain[0][0])


def test_shrunk_raw_pixels_are_those_that_would_be_encoded(tmp_path: Path) -> None:
    data = encoded(1, width=64, height=48)
    pack = packed(tmp_path / "pack", data, options=PackOptions(codec="raw", resize=24))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.resize((32, 24), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pack[0][0], expected)
    assert pack.manifest.lossy == {"resize": 24}


def test_shards_are_planned_from_the_source_though_records_are_larger(tmp_path: Path) -> None:
    source = Folder(image_folder(tmp_path / "in", {"a": 6}, width=64, height=48))
    size = int(make_plan(source, PackOptions()).sizes.max()) + 127
    options = PackOptions(shard_size=2 * size)
    write_pack(source, tmp_path / "pack", options)
    pack = Pack(tmp_path / "pack")
    assert pack.records(range(6)).file.tolist() == [0, 0, 1, 1, 2, 2]
    assert problems(pack.path) == ()
    np.testing.assert_array_equal(pack[5][0], source[5][0])


def test_lmdb_takes_jpegs_of_a_dct_pack(tmp_path: Path) -> None:
    pack = packed(tmp_path / "pack", encoded(0))
    with LMDBWriter(tmp_path / "lmdb", classes=[]) as writer:
        with pytest.raises(OptionError, match="codec dct is that of packs: choose encoded or raw"):
            transfer(pack, writer, PackOptions())
        result = transfer(pack, writer, PackOptions(codec="encoded"))
        writer.commit()
    assert (result.codecs, result.source_size) == ({"encoded": 1}, pack.records([0]).length[0])


# --- damage


@pytest.fixture
def damaged(tmp_path: Path) -> Pack:
    return packed(tmp_path / "pack", make_jpeg(Kind("4:2:0"), 40, 40), encoded(1), encoded(2, "PNG"))


def record_of(pack: Pack, index: int) -> tuple[Path, int, int]:
    records = pack.records([index])
    return Path(records.paths[int(records.file[0])]), int(records.offset[0]), int(records.length[0])


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def forge(pack: Pack, index: int, record: bytes) -> None:
    """Replaces a record by one of the same length, with right checksums everywhere around it."""
    path, offset, length = record_of(pack, index)
    assert len(record) == length
    overwrite(path, offset, record)
    rows = pack._index.rows
    checksum = rows.checksum.copy()
    checksum[index] = crc32c(record)
    rows = replace(rows, checksum=checksum)
    manifest = (pack.path / "pack.json").read_bytes()
    footer, table = read_footer(pack.path, 0), io.BytesIO()
    sections = rows.sections(with_shard=False)
    sections[SectionId.SKIPPED] = np.frombuffer(b"[]", np.uint8)
    sections[SectionId.FALLBACKS] = np.frombuffer(json.dumps(footer.fallbacks).encode(), np.uint8)
    write_table(table, len(rows), sections)
    overwrite(path, footer.end, table.getvalue())
    write_parquet(pack.path, rows, pack.classes)
    write_index(pack.path, rows, pack._index.shard_bytes.tolist(), manifest, pack.manifest.pack_id)


def test_no_changed_byte_of_a_record_goes_unnoticed(damaged: Pack) -> None:
    path, offset, length = record_of(damaged, 1)
    before = path.read_bytes()[offset : offset + length]
    for at in range(0, length, 7):
        overwrite(path, offset + at, bytes([before[at] ^ 1 << at % 8]))
        with pytest.raises(ChecksumError, match=r"shard-00000\.pack, record 1 \(1\.jpg\): checksum mismatch") as caught:
            damaged[1]
        assert caught.value.index == 1
        with pytest.raises(ChecksumError, match=r"record 1 \(1\.jpg\): checksum mismatch"):
            damaged.jpeg(1)
        (found,) = problems(damaged.path)
        assert "shard-00000.pack, record 1 (1.jpg): checksum mismatch" in found
        overwrite(path, offset + at, before[at : at + 1])
    assert problems(damaged.path) == ()


def test_verify_looks_into_records_whose_outer_checksum_is_right(damaged: Pack) -> None:
    path, offset, length = record_of(damaged, 0)
    record = path.read_bytes()[offset : offset + length]
    for at in range(0, length, 11):
        forged = bytearray(record)
        forged[at] ^= 1 << at % 8
        with pytest.raises(RecordError):
            check_dct(bytes(forged), 40, 40)
    forged = bytearray(record)
    forged[length // 2] ^= 8
    forge(damaged, 0, bytes(forged))
    pack = Pack(damaged.path)
    with pytest.raises(RecordError, match=r"record 0 \(0\.jpg\): ") as caught:
        pack[0]
    assert isinstance(caught.value, PenstockError)
    (found,) = problems(pack.path)
    assert "shard-00000.pack, record 0 (0.jpg): " in found
    (found,) = verify_dataset(pack, lambda *_: None).problems
    assert "record 0 (0.jpg): " in found


def test_verify_looks_at_the_metadata(damaged: Pack) -> None:
    path, offset, length = record_of(damaged, 0)
    record = bytearray(path.read_bytes()[offset : offset + length])
    (size,) = struct.unpack_from("<I", record, 28)
    assert size > 0  # Pillow writes a JFIF segment
    record[-1] ^= 1
    np.testing.assert_array_equal(dct_pixels(bytes(record), 40, 40), damaged[0][0])
    with pytest.raises(ChecksumError, match="the metadata at the record's end has changed: expected CRC-32C"):
        check_dct(bytes(record), 40, 40)
    with pytest.raises(ChecksumError):
        Preparation().apply(bytes(record), Codec.DCT, (40, 40))


def test_a_record_of_another_size_than_the_index_says_is_refused(damaged: Pack) -> None:
    rows = damaged._index.rows
    width = rows.width.copy()
    width[0] = 41
    manifest = (damaged.path / "pack.json").read_bytes()
    sizes = damaged._index.shard_bytes.tolist()
    write_index(damaged.path, replace(rows, width=width), sizes, manifest, damaged.manifest.pack_id)
    message = r"record 0 \(0\.jpg\): expected 41 x 40 pixels, as the index has it, but the record has 40 x 40"
    with pytest.raises(DecodeError, match=message):
        Pack(damaged.path)[0]
    assert any("expected 41 x 40 pixels" in problem for problem in problems(damaged.path))


@pytest.mark.parametrize("blob", [b"[]", b"{", b'{"PNG file": "x"}', b'{"PNG file": null}', b"\xff", b"7"])
def test_spec_3_3_a_damaged_table_of_reasons_is_an_error(tmp_path: Path, blob: bytes) -> None:
    pack = packed(tmp_path / "pack", encoded(0, "PNG"))
    path, footer = pack.path / "shard-00000.pack", read_footer(pack.path, 0)
    assert footer.fallbacks == {"PNG file": 1}
    file = io.BytesIO()
    sections = footer.rows.sections(with_shard=False)
    sections |= {SectionId.SKIPPED: np.frombuffer(b"[]", np.uint8), SectionId.FALLBACKS: np.frombuffer(blob, np.uint8)}
    write_table(file, 1, sections)
    overwrite(path, footer.end, file.getvalue())
    with pytest.raises(DatasetError, match=r"shard-00000\.pack: the table of reasons for encoded records is damaged"):
        read_footer(pack.path, 0)


# --- packs from before


def test_spec_6_packs_from_before_dct_are_read(tmp_path: Path) -> None:
    """A pack that Penstock wrote when it knew no dct: it has no `fallbacks` and another list of codecs."""
    pack = Pack(VERSION_1)
    assert (len(pack), list(pack.names), pack.labels.tolist()) == (2, ["cat/0.jpeg", "dog/1.png"], [0, 1])
    assert pack.manifest.fallbacks == {}
    np.testing.assert_array_equal(pack[0][0], pillow_rgb(pack.jpeg(0)))
    assert verify_pack(VERSION_1, lambda *_: None, decode=True).problems == ()
    write_pack(pack, tmp_path / "new")
    assert Pack(tmp_path / "new").manifest.codecs == {"encoded": 1, "dct": 1}
    again = Path(shutil.copytree(VERSION_1, tmp_path / "copy"))
    with pytest.raises(OSError, match="--codec was not given, now it is dct"):
        write_pack(pack, again)
