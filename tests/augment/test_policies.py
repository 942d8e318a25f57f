"""RandAugment, TrivialAugmentWide and AutoAugment: each change of each strength against torchvision, and the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.closeness import assert_close
from support.parity import tolerance
from support.pipelines import conversions, images, movements, policies
from support.torchvision_shim import torchvision_module, transforms_v1, transforms_v2

from penstock import _core
from penstock.augment import (
    AutoAugment,
    NativeExecutor,
    Op,
    ParamTable,
    Pipeline,
    RandAugment,
    ReferenceExecutor,
    TrivialAugmentWide,
    from_torchvision,
)
from penstock.augment.ops.policy import POLICIES, PolicyOp
from penstock.errors import OptionError, SpecError

Picture = NDArray[np.uint8]
Policy = RandAugment | TrivialAugmentWide | AutoAugment

PHOTOGRAPH: Picture = load_sample_images().images[0][100:241, 200:361].copy()
SQUARE: Picture = PHOTOGRAPH[:96, :96].copy()
V1, V2 = transforms_v1(), transforms_v2()
AUTOAUGMENT: Any = torchvision_module("transforms.autoaugment")
NAMES = _core.policy_ops()
MODES = ("nearest", "bilinear", "bicubic")
FILL = (124, 16, 204)


@pytest.fixture(params=_core.simd_levels())
def simd_level(request: pytest.FixtureRequest) -> Any:
    _core.set_simd_level(request.param)
    yield request.param
    _core.set_simd_level(_core.simd_levels()[-1])


def row_of(op: PolicyOp, magnitude: float) -> ParamTable:
    """What `TrivialAugmentWide` draws when it draws this."""
    return ParamTable(["0.op_0", "0.magnitude_0"], np.array([[op, magnitude]], np.float64))


def run(kind: Any, policy: Policy, image: Picture, table: ParamTable) -> NDArray[Any]:
    (result,) = kind(Pipeline([policy])).run([image], table)
    return result


def theirs(image: Picture, changes: list[tuple[int, float]], interpolation: str, fill: Any) -> NDArray[np.uint8]:
    """(3, height, width) after torchvision's changes of a PIL image."""
    picture = Image.fromarray(image)
    for which, magnitude in changes:
        mode = V1.InterpolationMode(interpolation)
        picture = AUTOAUGMENT._apply_op(picture, NAMES[which], magnitude, interpolation=mode, fill=fill)
    return np.asarray(picture).transpose(2, 0, 1)


def spaces(size: tuple[int, int]) -> dict[str, Any]:
    """torchvision's changes and magnitudes, by policy."""
    return {
        "RandAugment": V1.RandAugment()._augmentation_space(31, size),
        "TrivialAugmentWide": V1.TrivialAugmentWide()._augmentation_space(31),
        "AutoAugment": V1.AutoAugment()._augmentation_space(10, size),
    }


def strengths(size: tuple[int, int], name: str, step: int = 1) -> set[float]:
    """All signed magnitudes that torchvision gives a change in any of the policies, or every `step`th."""
    found: set[float] = set()
    for space in spaces(size).values():
        if name in space:
            values, signed = space[name]
            plain = [float(value) for value in values][::step] if values.ndim else [0.0]
            found.update([*plain, *(-value for value in plain if signed)])
    return found


@pytest.mark.parametrize("name", NAMES[1:])
class TestEveryChange:
    """Tolerances are those of `TrivialAugmentWide`; the others take the same changes."""

    def test_reference_equals_torchvision(self, name: str) -> None:
        which = PolicyOp(NAMES.index(name))
        for image in (PHOTOGRAPH[:60, :80], SQUARE[:64, :64]):
            for magnitude in strengths(image.shape[:2], name, 3):
                result = run(ReferenceExecutor, TrivialAugmentWide(fill=FILL), image, row_of(which, magnitude))
                expected = theirs(image, [(which, magnitude)], "nearest", FILL)
                assert_close(result, expected, [], tolerance("TrivialAugmentWide", "reference"))

    def test_native_equals_torchvision(self, name: str, simd_level: str) -> None:
        del simd_level
        which = PolicyOp(NAMES.index(name))
        modes = MODES if which in range(PolicyOp.SHEAR_X, PolicyOp.ROTATE + 1) else MODES[:1]
        for image in (PHOTOGRAPH, SQUARE):
            for magnitude in strengths(image.shape[:2], name):
                for mode in modes:
                    policy = TrivialAugmentWide(interpolation=mode, fill=FILL)
                    result = run(NativeExecutor, policy, image, row_of(which, magnitude))
                    expected = theirs(image, [(which, magnitude)], mode, FILL)
                    assert_close(result, expected, [], tolerance("TrivialAugmentWide", "native"))


POLICY_EXAMPLES: list[Policy] = [
    RandAugment(3, 20),
    RandAugment(2, 9, interpolation="bilinear", fill=FILL),
    TrivialAugmentWide(interpolation="bicubic"),
    *(AutoAugment(policy, "bilinear") for policy in POLICIES),
]


@pytest.mark.parametrize("policy", POLICY_EXAMPLES, ids=repr)
class TestWholePolicies:
    def test_equal_torchvision_with_the_same_draws(self, policy: Policy) -> None:
        pipeline = Pipeline([policy])
        table = pipeline.params(range(40), sizes=PHOTOGRAPH.shape[:2])
        name = type(policy).__name__
        results = NativeExecutor(pipeline).run([PHOTOGRAPH] * 40, table)
        references = ReferenceExecutor(pipeline).run([PHOTOGRAPH] * 4, pipeline.params(range(4), sizes=(141, 161)))
        count = sum(column.startswith("0.op_") for column in table.columns)
        for sample, result in enumerate(results):
            drawn = table.drawn(sample, 0)
            changes = [(int(drawn[f"op_{place}"]), drawn[f"magnitude_{place}"]) for place in range(count)]
            expected = theirs(PHOTOGRAPH, changes, policy.interpolation, policy.fill)
            assert_close(result, expected, [], tolerance(name, "native"))
            if sample < len(references):
                assert_close(references[sample], expected, [], tolerance(name, "reference"))

    @settings(max_examples=15, deadline=None)
    @given(image=images(), index=st.integers(0, 999), level=st.sampled_from(_core.simd_levels()))
    def test_native_equals_reference(self, policy: Policy, image: Picture, index: int, level: str) -> None:
        _core.set_simd_level(level)
        table = Pipeline([policy]).params([index], sizes=image.shape[:2])
        result = run(NativeExecutor, policy, image, table)
        _core.set_simd_level(_core.simd_levels()[-1])
        expected = run(ReferenceExecutor, policy, image, table)
        assert_close(result, expected, [], tolerance(type(policy).__name__, "native"))


@settings(max_examples=40, deadline=None)
@given(st.lists(policies() | movements(), min_size=1, max_size=4), conversions(), images(), st.integers(0, 99))
def test_any_order_equals_the_reference(ops: list[Op], tail: list[Op], image: Picture, index: int) -> None:
    pipeline = Pipeline([*ops, *tail])
    table = pipeline.params([index], sizes=image.shape[:2])
    (result,), (expected,) = (kind(pipeline).run([image], table) for kind in (NativeExecutor, ReferenceExecutor))
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_policies_that_translate_by_size_ask_for_sizes() -> None:
    assert len(Pipeline([TrivialAugmentWide()]).params(range(3))) == 3
    for policy in (RandAugment(), AutoAugment()):
        name = type(policy).__name__
        with pytest.raises(OptionError, match=rf"sizes must be given for what {name} draws: \(n, 2\) heights"):
            Pipeline([policy]).params(range(3))


def test_no_changes_change_nothing() -> None:
    result = Pipeline([RandAugment(0)]).apply(PHOTOGRAPH)
    np.testing.assert_array_equal(result, PHOTOGRAPH.transpose(2, 0, 1))


@pytest.mark.parametrize("library", [V1, V2], ids=["v1", "v2"])
class TestTranslator:
    def test_arguments_arrive(self, library: Any) -> None:
        mode = library.InterpolationMode.BILINEAR
        policies = library.AutoAugmentPolicy
        theirs = [
            library.RandAugment(),
            library.RandAugment(3, 5, 11, mode, [1, 2, 3]),
            library.TrivialAugmentWide(),
            library.TrivialAugmentWide(21, mode, 7),
            library.AutoAugment(),
            library.AutoAugment(policies.SVHN, mode, [4]),
            library.PILToTensor(),
        ]
        assert from_torchvision(library.Compose(theirs)) == Pipeline(
            [
                RandAugment(),
                RandAugment(3, 5, 11, "bilinear", (1, 2, 3)),
                TrivialAugmentWide(),
                TrivialAugmentWide(21, "bilinear", 7),
                AutoAugment(),
                AutoAugment("svhn", "bilinear", 4),
            ]
        )

    def test_tensors_are_refused(self, library: Any) -> None:
        expected = r"\(RandAugment\) warps uint8 tensors there, to other pixels than PIL images"
        with pytest.raises(SpecError, match=expected):
            from_torchvision(library.Compose([library.PILToTensor(), library.RandAugment()]))

    def test_policies_of_ones_own_are_refused(self, library: Any) -> None:
        changed = library.AutoAugment()
        name = "policies" if library is V1 else "_policies"
        setattr(changed, name, getattr(changed, name)[:5])
        expected = rf"\(AutoAugment\): its {name} are not those of AutoAugmentPolicy.IMAGENET, which are all that"
        with pytest.raises(SpecError, match=expected):
            from_torchvision(library.Compose([changed, library.PILToTensor()]))


def test_v2_policies_are_made_as_v1s() -> None:
    """But for a threshold of Solarize that is a whole number, which v2 may miss by a rounding error of float32."""
    assert [type(V2.RandAugment()).__name__, type(V2.AutoAugment()).__name__] == ["RandAugment", "AutoAugment"]
    for size in ((141, 161), (32, 32)):
        for name, space in spaces(size).items():
            bins = 10 if name == "AutoAugment" else 31
            for change, (make, signed) in getattr(V2, name)._AUGMENTATION_SPACE.items():
                values = make(bins, *size)
                ours, also_signed = space[change]
                assert signed == also_signed
                if values is not None:
                    scaled = values * 255 if change == "Solarize" else values
                    np.testing.assert_allclose(scaled, ours, rtol=1e-6)
    for policy in POLICIES:
        assert V2.AutoAugment(V2.AutoAugmentPolicy(policy))._policies == (
            V1.AutoAugment(V1.AutoAugmentPolicy(policy)).policies
        )
