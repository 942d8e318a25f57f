"""The learning rate against torch's own schedulers and against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import OptionError
from penstock.train.schedule import Schedule


@given(peak=st.floats(1e-4, 10), warmup=st.integers(0, 20), rest=st.integers(1, 50))
def test_equals_torchs_linear_and_cosine_schedulers(peak: float, warmup: int, rest: int) -> None:
    schedule = Schedule(peak, warmup, warmup + rest)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    parts: list[torch.optim.lr_scheduler.LRScheduler] = []
    if warmup:
        parts.append(torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / warmup))
        for step in range(warmup):
            assert schedule.at(step) == pytest.approx(optimizer.param_groups[0]["lr"])
            optimizer.step()
            parts[0].step()
    fresh = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(fresh, T_max=rest)
    for step in range(rest):
        assert schedule.at(warmup + step) == pytest.approx(fresh.param_groups[0]["lr"], abs=peak * 1e-9)
        fresh.step()
        cosine.step()


def test_warmup_ends_at_the_peak_and_the_run_ends_near_zero() -> None:
    schedule = Schedule(0.4, 4, 104)
    assert [schedule.at(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert 0 < schedule.at(103) < 0.4 * 1e-3
    assert schedule.at(104) == 0
    rates = [schedule.at(step) for step in range(4, 104)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(("warmup", "total"), [(5, 5), (6, 5), (-1, 5), (0, 0)])
def test_warmup_that_does_not_fit_is_refused(warmup: int, total: int) -> None:
    with pytest.raises(OptionError, match=f"warm-up takes {warmup} steps of {total} .* lower --warmup-epochs"):
        Schedule(0.1, warmup, total)
