"""The code in docs/resuming.md runs, and does what the page says."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "resuming.md"


@pytest.fixture
def page() -> dict[str, Any]:
    """What the page defines."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


class Line(torch.utils.data.Dataset[Any]):
    """Points on a line, with noise."""

    def __len__(self) -> int:
        return 22

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index < 0:
            raise IndexError(index)
        x = torch.tensor([index / 22.0])
        return x, 3 * x + torch.rand(1)


class BrokenOffError(Exception):
    pass


class Fragile(torch.nn.Linear):
    """Breaks off at a step."""

    left = 10**9

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            raise BrokenOffError
        return super().forward(torch.nn.functional.dropout(inputs, 0.3))


def start(steps: int = 10**9) -> tuple[Fragile, torch.optim.Optimizer]:
    torch.manual_seed(3)
    model = Fragile(1, 1)
    model.left = steps
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def test_training_that_is_interrupted_again_and_again_ends_with_the_same_model(
    page: dict[str, Any], tmp_path: Path
) -> None:
    with torch.random.fork_rng():
        model, optimizer = start()
        page["train"](tmp_path / "whole", page["make_loader"](Line()), model, optimizer, 3, steps_between=2)
        interruptions = 0
        while True:
            again, optimizer = start(steps=5)
            if interruptions:  # the checkpoint knows better
                torch.manual_seed(interruptions)
            try:
                loader = page["make_loader"](Line(), num_workers=interruptions % 2)
                page["train"](tmp_path / "broken", loader, again, optimizer, 3, steps_between=2)
            except BrokenOffError:
                interruptions += 1
                continue
            break
    assert interruptions >= 3
    assert torch.equal(again.weight, model.weight)
    assert torch.equal(again.bias, model.bias)


def test_under_torch_distributed(page: dict[str, Any], tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        loader = page["make_shared_loader"](Line(), 8)
        whole = list(loader)
        loader.set_epoch(0)
        assert len(list(islice(loader, 2))) == 2
        page["save_shared"](tmp_path / "checkpoint", loader)
        again = page["make_shared_loader"](Line(), 8)
        page["load_shared"](tmp_path / "checkpoint", again)
        (rest,) = again
    finally:
        torch.distributed.destroy_process_group()
    assert all(map(torch.equal, rest, whole[2]))


def test_the_state_is_what_the_page_shows(page: dict[str, Any]) -> None:
    state = page["make_loader"](Line()).state_dict()
    shown = re.search(r'^    (\{"version".*), \.\.\.\}$', PAGE.read_text(), re.MULTILINE)
    assert shown is not None
    assert set(eval(shown[1] + "}")) <= set(state)
