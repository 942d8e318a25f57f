"""The code in docs/augmenting.md runs, and does what its comments say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from support import torchvision_shim
from support.images import image_folder

from penstock.augment.ops import OPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "augmenting.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the page defines, once all of its code has run beside a folder of photographs."""
    folder = tmp_path_factory.mktemp("page")
    image_folder(folder / "photos" / "train", {"0": 8, "1": 8}, 128, 96)
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in BLOCKS:
            if "torchvision" in block:
                if importlib.util.find_spec("torchvision") is None:
                    continue
                torchvision_shim.transforms_v1()
            exec(compile(block, str(PAGE), "exec"), found)
    return found


def test_results_are_as_the_comments_say(names: dict[str, Any]) -> None:
    assert names["table"].columns[:5] == ("0.x", "0.y", "0.width", "0.height", "1.flip")
    assert 0.75 < names["table"]["2.apply"].mean() < 0.85
    assert [view.shape[-1] for view in names["views"]] == [64, 64, 32, 32, 32, 32]
    assert names["result"].shape == (3, 64, 64)
    assert names["images"].shape == (8, 3, 64, 64)
    assert names["labels"].shape == (8, 10)


def test_the_page_names_every_op() -> None:
    table = PAGE.read_text().partition("## Ops")[2].partition("```")[0]
    assert set(re.findall(r"`(\w+)", table)) == set(OPS)
