"""The measures of shuffled orders, where the answer is known; and the page that shows them."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.shuffle_plot import plot
from benchmarks.shuffle_quality import FIGURE, KINDS, PAGE, Measures, Setting, buffered, markdown, measure

SETTING = Setting(samples=12_800, classes=100, shard=100, batch_size=64)


def measured(kind: str) -> Measures:
    return measure(KINDS[kind](SETTING, 0), KINDS[kind](SETTING, 1), SETTING)


@pytest.mark.parametrize("kind", ["Penstock", "torch.randperm"])
def test_a_permutation_measures_as_every_order_equally_likely(kind: str) -> None:
    found, ideal = measured(kind), Measures.ideal(SETTING)
    assert found.displacement == pytest.approx(ideal.displacement, abs=0.01)
    assert found.neighbours == pytest.approx(ideal.neighbours, rel=0.2)
    assert found.classes == pytest.approx(ideal.classes, rel=0.01)
    assert found.classes_of_shuffled == pytest.approx(ideal.classes, rel=0.01)
    assert found.met_again == pytest.approx(ideal.met_again, rel=0.1)
    assert found.epochs == pytest.approx(0, abs=0.04)


def test_no_shuffle_at_all_measures_as_such() -> None:
    order = np.arange(SETTING.samples)
    found = measure(order, order, SETTING)
    assert (found.displacement, found.neighbours, found.met_again) == (0, 1, SETTING.batch_size - 1)
    assert found.epochs == pytest.approx(1)
    assert found.classes == 1  # of 128 samples, and batches of 64


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_visits_every_sample_once(kind: str) -> None:
    setting = Setting(samples=20_500, classes=100, shard=100, batch_size=64)
    order = KINDS[kind](setting, 0)
    np.testing.assert_array_equal(np.sort(order), np.arange(setting.samples))


def test_a_buffer_lets_nothing_come_early() -> None:
    order = buffered(np.arange(1000), 50, np.random.default_rng(0))
    assert (order - np.arange(1000)).max() < 50
    assert (order != np.arange(1000)).any()
    np.testing.assert_array_equal(np.sort(buffered(np.arange(10), 50, np.random.default_rng(0))), np.arange(10))


def test_the_page_shows_the_ideal_that_the_code_computes_and_the_figure() -> None:
    page = PAGE.read_text()
    ideal = markdown({}, Setting()).splitlines()[-1]
    assert ideal.replace(" ", "") in page.replace(" ", "")
    assert all(f"| {kind} " in page for kind in KINDS)
    assert f"](figures/{FIGURE.name})" in page
    assert FIGURE.exists()


def test_the_figure_can_be_drawn(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("matplotlib")
    orders = {kind: np.random.default_rng(0).permutation(30_000) for kind in KINDS}
    classes = {kind: np.arange(40, 60) for kind in KINDS}
    plot(orders, classes, dict.fromkeys(KINDS, 0.1), expected=(50, 0.1), path=tmp_path / "new" / "figure.png")
    assert (tmp_path / "new" / "figure.png").stat().st_size > 10_000
