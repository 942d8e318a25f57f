"""The README's code runs: the loader at its top, and the same pipeline on the CPU, by torch and by DALI.

With a folder of small photographs for ImageNet, the CPU for the GPU, and fewer of both.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.images import image_folder

PAGE = Path(__file__).resolve().parents[2] / "README.md"
FIRST, EXECUTORS = (
    next(block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if marker in block)
    for marker in ("open_dataset(", 'executor="torch"')
)
DEVIATION = 0.225
"""The smallest deviation that the pipeline divides by: a grey level is 1 / 255 / DEVIATION at most."""


def here(code: str) -> str:
    """The page's code for this machine: 8 samples a batch, 2 threads, no GPU."""
    for page, machine in (("256", "8"), ("num_workers=8", "num_workers=2"), ("cuda:0", "cpu")):
        assert page in code or page == "cuda:0", f"the README no longer says {page}"
        code = code.replace(page, machine)
    return code


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the top of the page defines, beside a folder of photographs."""
    folder = tmp_path_factory.mktemp("readme")
    image_folder(folder / "imagenet" / "train", {"0": 8, "1": 8}, 128, 96)
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(here(FIRST), str(PAGE), "exec"), found)
    return found


def test_the_first_loader_gives_what_its_comment_says(names: dict[str, Any]) -> None:
    said = re.search(r"images: (\w+) \(256, (\d+), (\d+), (\d+)\); labels: (\w+)", PAGE.read_text())
    assert said is not None
    dtype, *shape, label_dtype = said.groups()
    assert names["images"].shape == (8, *map(int, shape))
    assert (names["images"].dtype, names["labels"].dtype) == (getattr(torch, dtype), getattr(torch, label_dtype))


def test_one_pipeline_gives_the_same_on_the_cpu_by_torch_and_by_dali(names: dict[str, Any]) -> None:
    lines = [line for line in EXECUTORS.splitlines() if line.startswith("loader = ")]
    assert len(lines) == 3
    if not all(importlib.util.find_spec(name) for name in ("nvidia", "nvidia.dali")):
        lines = [line for line in lines if "dali" not in line]
    batches = []
    for line in lines:
        exec(compile(here(line), str(PAGE), "exec"), names)
        batches.append(next(iter(names["loader"])))
    for images, labels in batches[1:]:
        torch.testing.assert_close(images, batches[0][0], rtol=0, atol=1.01 / 255 / DEVIATION)
        assert torch.equal(labels, batches[0][1])
