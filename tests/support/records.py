"""Undecoded samples of every kind, and what an engine should make of them, for tests of the native engine."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from support.pillow import WEBP

from penstock._core import Engine, Program, crc32c, decode_jpeg, probe_image
from penstock.formats.image import decode_rgb
from penstock.record import WHOLE_FILE, Buffer, Codec, Records

CROP = ("random_resized_crop", (24.0, 32.0, 0.2, 1.0, 0.75, 4 / 3))
FLIP = ("random_horizontal_flip", (0.5,))
TO_FLOAT = ("to_dtype", (1.0, 1.0))


@dataclass(frozen=True)
class Row:
    """One row of Records; exactly one of `path` and `payload` is given. If any row has a checksum, all get one."""

    path: str | os.PathLike[str] | None = None
    payload: Buffer | None = None
    offset: int = 0
    length: int = WHOLE_FILE
    codec: int = Codec.ENCODED
    size: tuple[int, int] = (0, 0)
    """(height, width)"""
    checksum: int | None = None


def make_records(rows: Sequence[Row]) -> Records:
    paths = sorted({str(row.path) for row in rows if row.path is not None})
    has_checksums = any(row.checksum is not None for row in rows)
    return Records(
        codec=np.array([row.codec for row in rows], np.uint8),
        labels=np.arange(len(rows)),
        paths=paths,
        file=np.array([-1 if row.path is None else paths.index(str(row.path)) for row in rows], np.int32),
        offset=np.array([row.offset for row in rows], np.int64),
        length=np.array([row.length for row in rows], np.int64),
        width=np.array([row.size[1] for row in rows], np.int32),
        height=np.array([row.size[0] for row in rows], np.int32),
        checksum=np.array([_checksum(row) for row in rows], np.uint32) if has_checksums else None,
        payloads=[row.payload for row in rows] if any(row.payload is not None for row in rows) else None,
    )


def _checksum(row: Row) -> int:
    if row.checksum is not None:
        return row.checksum
    return 0 if row.path is not None and not Path(row.path).is_file() else crc32c(row_bytes(row))


def picture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    """A smooth picture with some noise: (height, width, 3)."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(y / a + x / b + c) for a, b, c in generator.uniform(3, 40, (3, 3))]
    return np.clip(128 + 90 * np.stack(waves, -1) + generator.normal(0, 5, (height, width, 3)), 0, 255).astype(np.uint8)


def encode(image: NDArray[np.uint8], format_name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format_name, **options)
    return file.getvalue()


def mixed_rows(folder: Path) -> list[Row]:
    """JPEG, PNG and WebP as whole files, ranges of one file, payloads, and raw pixels; some with checksums."""
    rows: list[Row] = []
    ranges = bytearray(b"head")
    for number in range(12):
        image = picture(number, 40 + 7 * number, 100 - 5 * number)
        kind = ("JPEG", "PNG", "JPEG", WEBP)[number % 4]
        data = encode(image, kind)
        checksum = crc32c(data)
        path = folder / f"{number}.{kind.lower()}"
        path.write_bytes(data)
        rows.append(Row(path, checksum=checksum))
        rows.append(Row(folder / "ranges", offset=len(ranges), length=len(data), checksum=checksum))
        rows.append(Row(payload=(data, bytearray(data), np.frombuffer(data, np.uint8))[number % 3], checksum=checksum))
        pixels = image.tobytes()
        rows.append(Row(payload=pixels, codec=Codec.RAW, size=image.shape[:2], checksum=crc32c(pixels)))
        ranges += data + b"gap"
    (folder / "ranges").write_bytes(ranges)
    return rows


def row_bytes(row: Row) -> bytes:
    if row.path is None:
        return bytes(row.payload)  # type: ignore[arg-type]
    data = Path(row.path).read_bytes()
    return data if row.length == WHOLE_FILE else data[row.offset : row.offset + row.length]


def decode_row(row: Row) -> NDArray[np.uint8]:
    data = row_bytes(row)
    if row.codec == Codec.RAW:
        return np.frombuffer(data, np.uint8).reshape(*row.size, 3)
    return decode_jpeg(data) if probe_image(data)[0] == "jpeg" else decode_rgb(data)


def expected_results(program: Program, rows: Sequence[Row], **key: Any) -> NDArray[Any]:
    """What an engine should give: every row decoded as a whole, then `Program.apply`."""
    images = [decode_row(row) for row in rows]
    sizes = np.array([image.shape[:2] for image in images], np.int32).reshape(-1, 2)
    table = program.draw(sizes=sizes, **(default_key(len(rows)) | key))
    return np.stack([program.apply(image, params) for image, params in zip(images, table, strict=True)])


def default_key(n: int) -> dict[str, Any]:
    return {"seed": 3, "epoch": 1, "indices": np.arange(n) + 100, "draws": np.arange(n) % 2}


def output_for(program: Program, n: int) -> NDArray[Any]:
    """A batch buffer full of what no test expects."""
    size = program.output_size
    if size is None:
        raise ValueError("the program gives images of several sizes")
    return np.full((n, 3, *size), 77, program.dtype)


def submit(
    engine: Engine, program: Program, rows: Sequence[Row], out: NDArray[Any] | None = None, **key: Any
) -> tuple[int, NDArray[Any]]:
    """(ticket, buffer) of a batch; a new buffer unless one is given."""
    out = output_for(program, len(rows)) if out is None else out
    return engine.submit(make_records(rows), out, **(default_key(len(rows)) | key)), out
