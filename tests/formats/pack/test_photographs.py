"""Real photographs, whole: what a pack gives is what Pillow decodes from the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from penstock.formats import Folder, Pack
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.verify import verify_pack
from penstock.formats.pack.writer import write_pack


def test_photographs_pack_verify_and_load(photographs: list[Path], tmp_path: Path) -> None:
    folder = Folder(photographs[0].parent.parent)
    result = write_pack(folder, tmp_path / "pack", PackOptions(shard_size=8_000_000), workers=2)
    assert (result.samples, result.skipped) == (len(photographs), ())
    assert result.source_size == sum(path.stat().st_size for path in photographs)
    assert result.codecs.get("encoded", 0) == sum(result.fallbacks.values())
    assert result.codecs["dct"] >= 0.99 * len(photographs)
    assert result.size <= 1.6 * result.source_size
    assert verify_pack(tmp_path / "pack", lambda *_: None, decode=True).problems == ()
    pack = Pack(tmp_path / "pack")
    np.testing.assert_array_equal(pack.labels, folder.labels)
    sizes = pack.records(range(len(pack)))
    for index in range(0, len(pack), 7):
        image = pack[index][0]
        np.testing.assert_array_equal(image, folder[index][0])
        assert image.shape[:2] == (sizes.height[index], sizes.width[index])
