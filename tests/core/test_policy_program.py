"""What the policies draw, against the oracle and torchvision's definitions, and what the core refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from support.drawing import Key, auto_augment_change, auto_augment_sub_policy, policy_choice, trivial_augment_bin
from support.torchvision_shim import transforms_v1

from penstock import _core
from penstock.augment.ops.policy import POLICIES, PolicyOp
from penstock.errors import OptionError, SpecError

COUNT = 100_000
LIBRARY = transforms_v1()
NAMES = _core.policy_ops()
WARP = (0.0, 0.0, 0.0, 0.0)
"""Interpolation and fill."""

SIZES = [(224, 224), (375, 500), (32, 32), (1, 7)]


def draw(op: tuple[str, tuple[float, ...]], count: int = COUNT, **key: Any) -> dict[str, NDArray[np.float64]]:
    program = _core.Program([op])
    key = {"seed": 0, "epoch": 0, "size": (224, 224)} | key
    rows, sizes = np.arange(count), np.array([key["size"]] * count, np.int32)
    table = program.draw(key["seed"], key["epoch"], rows, np.zeros_like(rows), sizes)
    names = [name.removeprefix("0.") for name in program.columns]
    return dict(zip(names, table.T, strict=True))


def rand_augment(ops: int = 2, magnitude: int = 9, bins: int = 31) -> tuple[str, tuple[float, ...]]:
    return "rand_augment", (ops, magnitude, bins, *WARP)


def trivial_augment(bins: int = 31) -> tuple[str, tuple[float, ...]]:
    return "trivial_augment_wide", (bins, *WARP)


def auto_augment(policy: int) -> tuple[str, tuple[float, ...]]:
    return "auto_augment", (policy, *WARP)


def sub_policies(policy: int) -> Any:
    """torchvision's: 25 pairs of (name, probability, bin or None)."""
    return LIBRARY.AutoAugment(LIBRARY.AutoAugmentPolicy(POLICIES[policy])).policies


def magnitudes(space: dict[str, tuple[torch.Tensor, bool]], name: str, bins: int) -> list[float]:
    """torchvision's of one change, by bin."""
    values = space[name][0]
    return [float(value) for value in values] if values.ndim else [0.0] * bins


def assert_magnitudes(ours: Any, theirs: Any) -> None:
    """Equal; torch without fused multiplication and addition rounds twice, and may differ in the last bit."""
    fused = torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    np.testing.assert_allclose(ours, theirs, rtol=0 if fused else 2**-22, atol=0)


def test_numbers_of_changes_are_the_same_in_python() -> None:
    assert [op.name.title().replace("_", "") for op in PolicyOp] == NAMES
    assert [op.value for op in PolicyOp] == list(range(len(NAMES)))


def test_changes_are_torchvisions_in_its_order() -> None:
    assert list(LIBRARY.RandAugment()._augmentation_space(31, (8, 8))) == NAMES[:14]
    assert list(LIBRARY.TrivialAugmentWide()._augmentation_space(31)) == NAMES[:14]
    assert list(LIBRARY.AutoAugment()._augmentation_space(10, (8, 8))) == NAMES[1:]


def test_columns() -> None:
    assert _core.Program([rand_augment(3)]).columns == [
        *("0.op_0", "0.magnitude_0", "0.op_1", "0.magnitude_1", "0.op_2", "0.magnitude_2")
    ]
    assert _core.Program([rand_augment(0)]).columns == []
    assert _core.Program([trivial_augment()]).columns == ["0.op_0", "0.magnitude_0"]
    fields = ("sub_policy", "op_0", "magnitude_0", "op_1", "magnitude_1")
    assert _core.Program([auto_augment(2)]).columns == [f"0.{field}" for field in fields]


class TestDraws:
    def test_rand_augment(self) -> None:
        drawn = draw(rand_augment(3), 50, seed=9, epoch=3)
        for index in range(50):
            for place in range(3):
                which, negative = policy_choice(Key(9, 3, index, 0), 0, place)
                assert drawn[f"op_{place}"][index] == which
                signed = 1 <= which <= 9
                assert (drawn[f"magnitude_{place}"][index] < 0) == (signed and negative)

    def test_trivial_augment(self) -> None:
        drawn = draw(trivial_augment(), 200, seed=9, epoch=3)
        space = LIBRARY.TrivialAugmentWide()._augmentation_space(31)
        for index in range(200):
            key = Key(9, 3, index, 0)
            which, negative = policy_choice(key, 0, 0)
            assert drawn["op_0"][index] == which
            magnitude = magnitudes(space, NAMES[which], 31)[trivial_augment_bin(key, 0, 31)]
            signed = -magnitude if negative and space[NAMES[which]][1] else magnitude
            assert_magnitudes(drawn["magnitude_0"][index], signed)

    @pytest.mark.parametrize("policy", range(3))
    def test_auto_augment(self, policy: int) -> None:
        drawn = draw(auto_augment(policy), 500, seed=9, epoch=3, size=(375, 500))
        space = LIBRARY.AutoAugment()._augmentation_space(10, (375, 500))
        for index in range(500):
            key = Key(9, 3, index, 0)
            number = auto_augment_sub_policy(key, 0)
            assert drawn["sub_policy"][index] == number
            for place, (name, probability, which) in enumerate(sub_policies(policy)[number]):
                made, negative = auto_augment_change(key, 0, place, probability)
                magnitude = magnitudes(space, name, 10)[which] if which is not None else 0.0
                signed = -magnitude if negative and space[name][1] else magnitude
                assert drawn[f"op_{place}"][index] == (NAMES.index(name) if made else PolicyOp.IDENTITY)
                assert_magnitudes(drawn[f"magnitude_{place}"][index], signed if made else 0)


class TestMagnitudesAreTorchvisions:
    @pytest.mark.parametrize("bins", [2, 10, 31, 100])
    @pytest.mark.parametrize("size", SIZES)
    def test_of_rand_augment(self, bins: int, size: tuple[int, int]) -> None:
        space = LIBRARY.RandAugment()._augmentation_space(bins, size)
        for magnitude in range(0, bins, 1 + bins // 32):
            drawn = draw(rand_augment(4, magnitude, bins), 100, size=size)
            for place in range(4):
                which = drawn[f"op_{place}"].astype(int)
                theirs = [magnitudes(space, NAMES[number], bins)[magnitude] for number in which]
                assert_magnitudes(np.abs(drawn[f"magnitude_{place}"]), theirs)
            assert len({*drawn["op_0"], *drawn["op_1"], *drawn["op_2"], *drawn["op_3"]}) == 14

    @pytest.mark.parametrize("bins", [2, 31, 100])
    def test_of_trivial_augment(self, bins: int) -> None:
        space = LIBRARY.TrivialAugmentWide()._augmentation_space(bins)
        drawn = draw(trivial_augment(bins), 30_000)
        for which, name in enumerate(NAMES[:14]):
            ours = np.unique(np.abs(drawn["magnitude_0"][drawn["op_0"] == which]))
            assert_magnitudes(ours, np.unique(magnitudes(space, name, bins)))


class TestDistribution:
    def test_every_change_is_as_likely(self) -> None:
        drawn = draw(rand_augment())
        for place in range(2):
            assert stats.chisquare(np.bincount(drawn[f"op_{place}"].astype(int), minlength=14)).pvalue > 1e-4
        pairs = np.bincount((drawn["op_0"] * 14 + drawn["op_1"]).astype(int), minlength=196)
        assert stats.chisquare(pairs).pvalue > 1e-4

    def test_every_bin_of_every_change_is_as_likely(self) -> None:
        drawn = draw(trivial_augment())
        counts = np.bincount(drawn["op_0"].astype(int))
        assert len(counts) == 14
        assert stats.chisquare(counts).pvalue > 1e-4
        rotations = np.abs(drawn["magnitude_0"][drawn["op_0"] == PolicyOp.ROTATE])
        assert stats.chisquare(np.unique(rotations, return_counts=True)[1]).pvalue > 1e-4

    def test_signs_are_a_fair_coins(self) -> None:
        drawn = draw(rand_augment())
        signed = (drawn["op_0"] >= PolicyOp.SHEAR_X) & (drawn["op_0"] <= PolicyOp.SHARPNESS)
        negative = drawn["magnitude_0"][signed] < 0
        assert stats.binomtest(int(negative.sum()), len(negative), 0.5).pvalue > 1e-4
        assert (drawn["magnitude_0"][~signed] >= 0).all()

    @pytest.mark.parametrize("policy", range(3))
    def test_sub_policies_and_their_probabilities(self, policy: int) -> None:
        drawn = draw(auto_augment(policy))
        counts = np.bincount(drawn["sub_policy"].astype(int))
        assert len(counts) == 25
        assert stats.chisquare(counts).pvalue > 1e-4
        for number, pair in enumerate(sub_policies(policy)):
            rows = drawn["sub_policy"] == number
            for place, (_, probability, _) in enumerate(pair):
                made = int((drawn[f"op_{place}"][rows] != PolicyOp.IDENTITY).sum())
                assert stats.binomtest(made, int(rows.sum()), probability).pvalue > 1e-5

    def test_neighbours_epochs_and_seeds_are_uncorrelated(self) -> None:
        first = draw(rand_augment())
        limit = 4.5 / np.sqrt(COUNT)
        for other in (draw(rand_augment(), epoch=1), draw(rand_augment(), seed=1)):
            assert abs(np.corrcoef(first["op_0"], other["op_0"])[0, 1]) < limit
        assert abs(np.corrcoef(first["op_0"][1:], first["op_0"][:-1])[0, 1]) < limit
        assert abs(np.corrcoef(first["op_0"], first["op_1"])[0, 1]) < limit


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (("rand_augment", (65, 9, 31, *WARP)), r"rand_augment: num_ops: expected 0 to 64, got 65"),
        (("rand_augment", (2, 31, 31, *WARP)), r"rand_augment: magnitude: expected a bin, got 31"),
        (("rand_augment", (2, 0, 1, *WARP)), r"rand_augment: num_magnitude_bins: expected 2 to 65536, got 1"),
        (("rand_augment", (2, 9, 31)), r"rand_augment: expected 7 arguments, got 3"),
        (("trivial_augment_wide", (1, *WARP)), r"trivial_augment_wide: num_magnitude_bins: expected 2 to 65536"),
        (("trivial_augment_wide", (31, 1, 0, 0, 0)), r"trivial_augment_wide: interpolation: expected 0, 2 or 3, got 1"),
        (("auto_augment", (3, *WARP)), r"auto_augment: policy: expected 0 to 2, got 3"),
        (("auto_augment", (0, 0, 0, 256, 0)), r"auto_augment: fill: expected 0 to 255, got 256"),
    ],
)
def test_bad_arguments_are_refused(op: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        _core.Program([op])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([15, 0], r"params: expected the number of a policy's op, got 15"),
        ([0.5, 0], r"params: expected the number of a policy's op, got 0\.5"),
        ([PolicyOp.ROTATE, float("nan")], r"params: expected a finite magnitude, got -?nan"),
        ([PolicyOp.COLOR, -1.5], r"params: expected a magnitude of -1 or more, got -1\.5"),
        ([PolicyOp.POSTERIZE, 9], r"params: expected a magnitude of 0 to 8 bits, got 9"),
        ([PolicyOp.TRANSLATE_Y, 1e10], r"params: expected a translation of at most 65535 px, got 1"),
    ],
)
def test_parameters_that_nobody_drew_are_refused(row: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _core.Program([trivial_augment()]).apply(np.zeros((4, 4, 3), np.uint8), np.array(row, np.float64))
