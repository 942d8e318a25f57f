"""Pipelines from torchvision's transforms, v1 and v2, as they work on PIL images of mode RGB.

torchvision is recognised, never imported: as long as nobody has imported it, nothing can be its instance. Only its own
classes are taken, not subclasses, whose methods may be others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from ...errors import SpecError
from ..ops import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    Lambda,
    Normalize,
    Op,
    Pad,
    RandAugment,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomPerspective,
    RandomResizedCrop,
    RandomRotation,
    Resize,
    ToDtype,
    TrivialAugmentWide,
    every_op,
)
from ..ops.base import Stage
from ..pipeline import Pipeline
from .exact import class_in, library_name, replaced
from .torchvision_ops import INSTEAD, MODULES, TRANSLATORS, ToTensor

__all__ = ["from_torchvision", "translate"]

_WARPS = (AutoAugment, RandAugment, RandomAffine, RandomPerspective, RandomRotation, TrivialAugmentWide)
"""Ops whose pixels would be others if tensors came in."""


def from_torchvision(transform: Any) -> Pipeline:
    """The pipeline that does what this torchvision transform does with PIL images of mode RGB.

    Taken are, of `torchvision.transforms` and `torchvision.transforms.v2`: `Compose` (also nested, and
    `torch.nn.Sequential`) of the transforms that Penstock has an op of the same name for; of `RandomApply` (`Apply`),
    `RandomChoice` (`Choice`) and `RandomOrder` of up to four (a `Choice` of their orders) of such as move pixels or
    change colours; of `ToTensor`, `PILToTensor`, `ToImage`, `ToPureTensor` and `ConvertImageDtype`; of `Lambda` on PIL
    images; and last of all `MixUp` or `CutMix`, or a `RandomChoice` of them, which torchvision calls with the finished
    batch. So is what `weights.transforms()` of its classification models gives. `FiveCrop` and `TenCrop` are not:
    torchvision's give tuples of images, Penstock's one array. Results are equal but for a grey level for each op that
    resizes (docs/loading.md says more), and random draws are Penstock's own, from the same distributions.

    Raises:
        SpecError: something in it is not known, has arguments that no op of Penstock has, or works on other data;
            the message names each op, argument and value.
    """
    pipeline = translate(transform)
    if isinstance(pipeline, Pipeline):
        return pipeline
    raise SpecError(f"the transform can't be translated: {'; '.join(pipeline)}")


def translate(transform: Any, place: str = "transform") -> Pipeline | tuple[str, ...]:
    """As `from_torchvision`; where that raises, the reasons in words instead, in which `place` is the transform."""
    steps, reasons = [], []
    for part_place, part in _flat(transform, place):
        step = _step(part_place, part)
        if isinstance(step, str):
            reasons.append(step)
        else:
            steps.append(step)
    if reasons:
        return tuple(reasons)
    try:
        return _Image().through(steps).pipeline(place)
    except SpecError as error:
        return (str(error),)


@dataclass(frozen=True, slots=True)
class _Step:
    """One transform of torchvision's, with the arguments that Penstock knows.

    Attributes:
        place: how messages call it.
        op: what it does; None for nothing.
        antialias: whether it antialiases tensors too, as it does PIL images.
    """

    place: str
    op: Op | ToTensor | None
    antialias: bool


_GROUPS = ("RandomApply", "RandomChoice", "RandomOrder")

_OF_WEIGHTS = "torchvision.transforms._presets"
"""Where `weights.transforms()` come from."""

_MOST_ORDERED = 4
"""Transforms of a `RandomOrder`: each order is a choice of its own, 24 of four."""


def _name_in(names: Iterable[str], kind: type) -> str | None:
    """Which of these names torchvision gives to the class, in v1 or v2."""
    found = (class_in(module, names, kind) for module in MODULES)
    return next((name for name in found if name is not None), None)


def _parts(transform: Any) -> list[Any] | None:
    """What a composition of torchvision's or torch's applies one after the other; None for anything else."""
    if any(class_in(module, ["Compose"], type(transform)) for module in MODULES):
        return list(transform.transforms)
    if class_in(_OF_WEIGHTS, ["ImageClassification"], type(transform)):
        return _validation(transform)
    return list(transform) if class_in("torch.nn", ["Sequential"], type(transform)) else None


def _validation(preset: Any) -> list[Any]:
    """What the transform that torchvision keeps with a model's weights does to a PIL image, in its own transforms."""
    given: Any = sys.modules[MODULES[0]]
    floats = sys.modules["torch"].float32
    return [
        given.Resize(preset.resize_size, interpolation=preset.interpolation, antialias=preset.antialias),
        given.CenterCrop(preset.crop_size),
        given.PILToTensor(),
        given.ConvertImageDtype(floats),
        given.Normalize(preset.mean, preset.std),
    ]


def _flat(transform: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every transform that is no composition, in order, with its place; also a composition with its own methods."""
    parts = _parts(transform)
    if parts is None or replaced(transform) is not None:
        yield place, transform
        return
    for position, part in enumerate(parts):
        yield from _flat(part, f"{place}[{position}]")


def _step(place: str, transform: Any) -> _Step | str:
    kind = type(transform)
    place = f"{place} ({kind.__name__})"
    name = _name_in((*TRANSLATORS, *_GROUPS), kind)
    other = _name_in(INSTEAD, kind)
    if other is not None:
        return f"{place} {INSTEAD[other]}"
    if name is None and _parts(transform) is None:
        base = library_name(kind) if kind.__module__.partition(".")[0] not in ("torch", "torchvision") else None
        about = f"is a class of its own, derived from {base}" if base else "is not among the transforms that are known"
        return f"{place} {about}, so it is Python"
    changed = replaced(transform)
    if changed is not None:
        return f"{place} is not as torchvision made it: it has {changed}"
    try:
        if name in _GROUPS:
            return _group(place, transform)
        op = TRANSLATORS[str(name)](transform)
    except SpecError as error:
        return f"{place}: {str(error).removeprefix(f'{kind.__name__}: ')}"
    return _Step(place, op, getattr(transform, "antialias", True) is True)


def _group(place: str, transform: Any) -> _Step | str:
    """`RandomApply`, `RandomChoice` or `RandomOrder`: the same of translated members, or the reasons why not."""
    outer = place.partition(" ")[0]
    branches: list[list[_Step]] = []
    reasons: list[str] = []
    for position, member in enumerate(transform.transforms):
        steps = [_member(*part) for part in _flat(member, f"{outer}.transforms[{position}]")]
        reasons += [step for step in steps if isinstance(step, str)]
        branches.append([step for step in steps if isinstance(step, _Step)])
    if reasons:
        return "; ".join(reasons)
    ops = [[step.op for step in branch if isinstance(step.op, Op)] for branch in branches]
    antialias = all(step.antialias for branch in branches for step in branch)
    if _name_in(["RandomOrder"], type(transform)):
        return _ordered(place, ops, antialias)
    if _name_in(["RandomApply"], type(transform)):
        return _Step(place, Apply([op for branch in ops for op in branch], transform.p), antialias)
    alike = transform.p is None or len(set(transform.p)) == 1
    choices = [branch[0] if len(branch) == 1 else branch for branch in ops]
    return _Step(place, Choice(choices, None if alike else transform.p), antialias)


def _ordered(place: str, ops: list[list[Op]], antialias: bool) -> _Step | str:
    """A choice of all orders, which are as probable as each other."""
    if len(ops) > _MOST_ORDERED:
        return f"{place} has {len(ops)} transforms, and up to {_MOST_ORDERED} make a Choice of orders; leave some out"
    orders = [[op for branch in order for op in branch] for order in permutations(ops)]
    return _Step(place, Choice(orders), antialias)


def _member(place: str, transform: Any) -> _Step | str:
    step = _step(place, transform)
    if isinstance(step, _Step) and (not isinstance(step.op, Op) or step.op.stage in (Stage.DTYPE, Stage.NORMALIZE)):
        return f"{step.place} does not leave the image uint8, as ops in a group must; move it behind the group"
    return step


@dataclass(slots=True)
class _Image:
    """The image on its way through the transforms.

    Attributes:
        dtype: of the tensor that it is; None as long as it is a PIL image.
    """

    dtype: str | None = None
    geometry: list[Op] = field(default_factory=list)
    conversion: ToDtype | None = None
    normalize: Normalize | None = None
    erasing: list[RandomErasing] = field(default_factory=list)
    mixing: Op | None = None

    def through(self, steps: list[_Step]) -> _Image:
        for step in steps:
            self._check_erasing(step)
            if isinstance(step.op, ToTensor):
                self._to_tensor(step.op, step.place)
            elif isinstance(step.op, ToDtype):
                self._convert(step.op, step.place)
            elif isinstance(step.op, Normalize):
                self._normalize(step.op, step.place)
            elif isinstance(step.op, RandomErasing):
                self.erasing.append(step.op)
            elif step.op is not None and step.op.stage is Stage.BATCH:
                self._mix(step.op, step.place)
            elif isinstance(step.op, Lambda):
                self._call(step.op, step.place)
            elif step.op is not None:
                self._move(step.op, step)
        return self

    def pipeline(self, place: str) -> Pipeline:
        if self.dtype is None:
            raise SpecError(f"{place} gives PIL images, which don't make a batch; end it with ToTensor or ToImage")
        conversion = [op for op in (self.conversion, self.normalize) if op is not None]
        mixing = [] if self.mixing is None else [self.mixing]
        return Pipeline([*self.geometry, *conversion, *self.erasing, *mixing])

    def _check_erasing(self, step: _Step) -> None:
        """Refuses to erase PIL images, and whatever would be done to a result with something erased."""
        if isinstance(step.op, RandomErasing):
            if self.dtype is None:
                raise SpecError(f"{step.place} erases tensors, and a PIL image comes in; put ToTensor before it")
        elif self.mixing is not None and step.op is not None:
            name = type(self.mixing).__name__
            raise SpecError(f"{step.place} comes after {name}, which comes last in Penstock; move it before")
        elif self.erasing and step.op is not None and (isinstance(step.op, ToTensor) or step.op.stage != Stage.BATCH):
            raise SpecError(f"{step.place} comes after RandomErasing, which comes last in Penstock; move it before")

    def _to_tensor(self, op: ToTensor, place: str) -> None:
        if self.dtype is None:
            self.dtype = op.dtype
            self.conversion = ToDtype(op.dtype, scale=True) if op.dtype != "uint8" else None
        elif not op.from_tensor:
            raise SpecError(f"{place} takes PIL images, and a tensor comes in; leave it out")

    def _convert(self, op: ToDtype, place: str) -> None:
        if self.dtype is None:
            raise SpecError(f"{place} takes tensors, and a PIL image comes in; put ToTensor or ToImage before it")
        if op.dtype == self.dtype:
            return
        if self.dtype == "uint8":
            self.conversion = op
        elif self.conversion is not None and (self.dtype, op.dtype) == ("float32", "float16"):
            self.conversion = replace(self.conversion, dtype="float16")
        else:
            raise SpecError(f"{place} converts {self.dtype} to {op.dtype}, which no op of Penstock does")
        self.dtype = op.dtype

    def _normalize(self, op: Normalize, place: str) -> None:
        if self.dtype != "float32":
            came = "a PIL image" if self.dtype is None else self.dtype
            raise SpecError(f"{place} is computed in float32 by Penstock, and {came} comes in; convert it first")
        if self.normalize is not None:
            raise SpecError(f"{place} is the second Normalize, and a pipeline has at most one")
        self.normalize = op

    def _mix(self, op: Op, place: str) -> None:
        if self.dtype is None:
            raise SpecError(f"{place} mixes batches of tensors, and PIL images come in; put ToTensor before it")
        self.mixing = op

    def _call(self, op: Lambda, place: str) -> None:
        if self.dtype is not None:
            raise SpecError(
                f"{place} calls a function of {self.dtype} tensors, and Penstock's Lambda one of arrays; declare a "
                "Pipeline with Lambda(function), or move it before the conversion to a tensor"
            )
        self.geometry.append(op)

    def _move(self, op: Op, step: _Step) -> None:
        filters = {each.interpolation for each in every_op([op]) if isinstance(each, Resize | RandomResizedCrop)}
        if filters:
            if self.dtype not in (None, "uint8"):
                raise SpecError(
                    f"{step.place} works on {self.dtype} tensors there, and Penstock's on uint8; move it to the front"
                )
            if self.dtype == "uint8" and not step.antialias:
                raise SpecError(f"{step.place} has antialias off for tensors, and Penstock antialiases as Pillow does")
            if self.dtype == "uint8" and "nearest" in filters:
                raise SpecError(
                    f"{step.place} picks other nearest pixels of tensors than of PIL images, and Penstock's are these; "
                    f"move it before the conversion"
                )
        if op.stage is Stage.COLOUR and self.dtype not in (None, "uint8"):
            raise SpecError(
                f"{step.place} works on {self.dtype} tensors there, and Penstock's on uint8; move it to the front"
            )
        if self.dtype is not None and any(isinstance(each, _WARPS) for each in every_op([op])):
            raise SpecError(
                f"{step.place} warps {self.dtype} tensors there, to other pixels than PIL images, which Penstock's are "
                f"those of; move it before the conversion to a tensor"
            )
        if isinstance(op, CenterCrop | Pad | RandomCrop):
            self._check_fill(op, step.place)
        # Mirroring, cutting out and repeating commute with arithmetic on single values.
        self.geometry.append(op)

    def _check_fill(self, op: CenterCrop | Pad | RandomCrop, place: str) -> None:
        """Refuses padding of a colour that comes to be another one when it is put in before the arithmetic."""
        fill: Any = (0, 0, 0)
        if not isinstance(op, CenterCrop):
            pads = isinstance(op, Pad) or op.padding is not None or op.pad_if_needed
            if not pads or op.padding_mode != "constant":
                return
            fill = op.fill
        if self.normalize is not None:
            what = "small images with zeros" if isinstance(op, CenterCrop) else "with a colour"
            raise SpecError(f"{place} pads {what} after Normalize; move it before Normalize")
        if self.dtype not in (None, "uint8") and fill != (0, 0, 0):
            raise SpecError(f"{place} pads {self.dtype} tensors, and Penstock's fill is of uint8; move it to the front")
