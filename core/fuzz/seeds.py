"""Writes the files that fuzzing began with into core/fuzz/corpus: PYTHONPATH=src python core/fuzz/seeds.py

`make fuzz` finds more from there, and `make -C core/fuzz merge` keeps the smallest of them.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import struct
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from penstock._core import encode_dct
from penstock.formats import Folder
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.prepare import StoredCodec
from penstock.formats.pack.writer import write_pack

CORPUS = Path(__file__).parent / "corpus"
CONTROLS = struct.Struct("<4H8x")
"""What comes before a JPEG or a dct record: the rectangle to decode."""


def keep(target: str, data: bytes) -> None:
    """A file named by its content, as libFuzzer does it."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def noise(width: int, height: int, mode: str) -> Image.Image:
    random = np.random.default_rng(width * 1000 + height)
    smooth = random.integers(0, 256, ((height + 3) // 4, (width + 3) // 4, 3), np.uint8)
    return Image.fromarray(smooth).resize((width, height), Image.Resampling.BILINEAR).convert(mode)


def jpegs() -> list[bytes]:
    """Small JPEGs of every kind that Pillow writes."""
    made = []
    for width, height, mode in ((1, 1, "L"), (9, 7, "L"), (8, 8, "RGB"), (17, 33, "RGB"), (70, 10, "RGB")):
        for subsampling in (0, 1, 2) if mode == "RGB" else (0,):
            for options in ({}, {"progressive": True}, {"restart_marker_blocks": 1}):
                file = io.BytesIO()
                quality = 30 + 60 * (len(made) % 2)
                noise(width, height, mode).save(file, "JPEG", quality=quality, subsampling=subsampling, **options)
                made.append(file.getvalue())
    return [*made, *unusual_jpegs()]


def unusual_jpegs() -> list[bytes]:
    """Metadata of every kind that is looked into, RGB, wide coefficients, large quantisers."""
    made = []
    black_white = Image.fromarray(np.random.default_rng(0).integers(0, 2, (16, 24), np.uint8) * 255)
    for image, options in (
        (noise(9, 7, "L"), {"icc_profile": b"profile", "comment": b"comment", "exif": b"Exif\0\0MM"}),
        (noise(9, 7, "RGB"), {"keep_rgb": True}),
        (black_white, {"quality": 100}),
        (black_white, {"qtables": [[300] * 64]}),
    ):
        file = io.BytesIO()
        image.save(file, "JPEG", **options)
        made.append(file.getvalue())
    photoshop = b"Photoshop 3.0\0" + b"8BIM\4\4\0\0" + struct.pack(">I", 5) + b"IPTC.\0" + b"8BIM\3\xed\1n\0\0\0\0"
    return [*made, made[0][:2] + b"\xff\xed" + struct.pack(">H", len(photoshop) + 2) + photoshop + made[0][2:]]


def pack(folder: Path, files: dict[str, bytes], codec: StoredCodec) -> bytes:
    """An input of fuzz_pack: index and first shard of a pack of these files."""
    for name, data in files.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_bytes(data)
    write_pack(Folder(folder / "in"), folder / "pack", PackOptions(codec=codec))
    index = (folder / "pack" / "index.bin").read_bytes()
    return struct.pack("<I12x", len(index)) + index + (folder / "pack" / "shard-00000.pack").read_bytes()


def main() -> None:
    images = jpegs()
    for at, image in enumerate(images):
        keep("fuzz_jpeg", CONTROLS.pack(at, at + 1, at, 2 * at) + image)
        keep("fuzz_baseline", CONTROLS.pack(at, at + 1, at, 2 * at) + image)
        record, _ = encode_dct(image)
        if record:
            keep("fuzz_dct", CONTROLS.pack(at, at + 1, at, 2 * at) + record)
    png = io.BytesIO()
    noise(2, 2, "RGB").save(png, "PNG")
    stored: tuple[StoredCodec, ...] = ("dct", "encoded", "raw")
    for count, codec in itertools.product((1, 2, 3), stored):
        with tempfile.TemporaryDirectory() as folder:
            files = {f"{k % 2}/{k}.jpg": images[7 * k] for k in range(count)} | {"0/x.png": png.getvalue()}
            keep("fuzz_pack", pack(Path(folder), files, codec))


if __name__ == "__main__":
    main()
