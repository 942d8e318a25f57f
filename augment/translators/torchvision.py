"""Pipelines from torchvision's transforms, v1 and v2, as they work on PIL images of mode RGB.

torchvision is recognised, never imported: as long as nobody has imported it, nothing can be its instance. Only its own
classes are taken, not subclasses, whose methods may be others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import SpecError
from ..ops import (
    Apply,
    AutoAugment,
    CenterCrop,
    Choice,
    ColorJitter,
    GaussianBlur,
    Grayscale,
    Normalize,
    Op,
    Pad,
    RandAugment,
    RandomAdjustSharpness,
    RandomAffine,
    RandomAutocontrast,
    RandomCrop,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPerspective,
    RandomPosterize,
    RandomResizedCrop,
    RandomRotation,
    RandomSolarize,
    RandomVerticalFlip,
    Resize,
    ToDtype,
    TrivialAugmentWide,
    every_op,
)
from ..ops.base import Stage
from ..pipeline import Pipeline
from .exact import class_in, library_name, replaced

__all__ = ["from_torchvision", "translate"]

_WARPS = (AutoAugment, RandAugment, RandomAffine, RandomPerspective, RandomRotation, TrivialAugmentWide)
"""Ops whose pixels would be others if tensors came in."""

_MODULES = ("torchvision.transforms", "torchvision.transforms.v2")


def from_torchvision(transform: Any) -> Pipeline:
    """The pipeline that does what this torchvision transform does with PIL images of mode RGB.

    Taken are, of `torchvision.transforms` and `torchvision.transforms.v2`: `Compose` (also nested, and
    `torch.nn.Sequential`) of the transforms that Penstock has an op of the same name for, of `RandomApply` (`Apply`)
    and `RandomChoice` (`Choice`) of such as move pixels or change colours, and of `ToTensor`,
    `PILToTensor`, `ToImage`, `ToPureTensor` and `ConvertImageDtype`. Results are equal but for
    a grey level for each op that resizes (docs/loading.md says more), and random draws are Penstock's own, from the
    same distributions.

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
class _ToTensor:
    """From a PIL image to a tensor of `dtype`; floats are from 0 to 1.

    Attributes:
        name: of torchvision's class.
        from_tensor: a tensor may come in too, and stays as it is.
    """

    name: str
    dtype: str
    from_tensor: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """One transform of torchvision's, with the arguments that Penstock knows.

    Attributes:
        place: how messages call it.
        op: what it does; None for nothing.
        antialias: whether it antialiases tensors too, as it does PIL images.
    """

    place: str
    op: Op | _ToTensor | None
    antialias: bool


def _random_crop(op: Any) -> RandomCrop:
    padding, fill = op.padding, _fill(op)
    if class_in(_MODULES[1], ["RandomCrop"], type(op)):
        if padding is not None:
            left, right, top, bottom = padding  # v2 keeps them in this order
            padding = [left, top, right, bottom]
    elif padding is not None and op.pad_if_needed and op.padding_mode in ("reflect", "symmetric"):
        raise SpecError(
            f"{op.padding_mode!r} of what is padded already, which no op of Penstock does; use v2.RandomCrop"
        )
    return RandomCrop(op.size, padding, op.pad_if_needed, fill, op.padding_mode)


def _auto_augment(op: Any) -> AutoAugment:
    name = next(name for name in ("policies", "_policies") if hasattr(op, name))
    if getattr(op, name) != getattr(type(op)(op.policy), name):
        raise SpecError(f"its {name} are not those of {op.policy}, which are all that Penstock has")
    return AutoAugment(op.policy, op.interpolation, op.fill)


def _fill(op: Any) -> Any:
    return 0 if op.fill is None else op.fill


_TRANSLATORS: dict[str, Callable[[Any], Op | _ToTensor | None]] = {
    # Pillow antialiases whatever `antialias` says.
    "CenterCrop": lambda op: CenterCrop(op.size),
    "Pad": lambda op: Pad(op.padding, _fill(op), op.padding_mode),
    "RandomCrop": _random_crop,
    "RandomHorizontalFlip": lambda op: RandomHorizontalFlip(op.p),
    "AutoAugment": _auto_augment,
    "RandAugment": lambda op: RandAugment(op.num_ops, op.magnitude, op.num_magnitude_bins, op.interpolation, op.fill),
    "TrivialAugmentWide": lambda op: TrivialAugmentWide(op.num_magnitude_bins, op.interpolation, op.fill),
    "ColorJitter": lambda op: ColorJitter(op.brightness, op.contrast, op.saturation, op.hue),
    "GaussianBlur": lambda op: GaussianBlur(op.kernel_size, op.sigma),
    "Grayscale": lambda op: Grayscale(op.num_output_channels),
    "RandomAdjustSharpness": lambda op: RandomAdjustSharpness(op.sharpness_factor, op.p),
    "RandomAffine": lambda op: RandomAffine(
        op.degrees, op.translate, op.scale, op.shear, op.interpolation, _fill(op), op.center
    ),
    "RandomAutocontrast": lambda op: RandomAutocontrast(op.p),
    "RandomEqualize": lambda op: RandomEqualize(op.p),
    "RandomErasing": lambda op: RandomErasing(op.p, op.scale, op.ratio, "random" if op.value is None else op.value),
    "RandomGrayscale": lambda op: RandomGrayscale(op.p),
    "RandomInvert": lambda op: RandomInvert(op.p),
    "RandomPerspective": lambda op: RandomPerspective(op.distortion_scale, op.p, op.interpolation, _fill(op)),
    "RandomPosterize": lambda op: RandomPosterize(op.bits, op.p),
    "RandomRotation": lambda op: RandomRotation(op.degrees, op.interpolation, op.expand, op.center, _fill(op)),
    "RandomSolarize": lambda op: RandomSolarize(op.threshold, op.p),
    "RandomVerticalFlip": lambda op: RandomVerticalFlip(op.p),
    "RandomResizedCrop": lambda op: RandomResizedCrop(op.size, op.scale, op.ratio, op.interpolation),
    "Resize": lambda op: Resize(op.size, op.interpolation, op.max_size),
    "ToTensor": lambda _: _ToTensor("ToTensor", "float32"),
    "PILToTensor": lambda _: _ToTensor("PILToTensor", "uint8"),
    "ToImage": lambda _: _ToTensor("ToImage", "uint8", from_tensor=True),
    "ToPureTensor": lambda _: None,
    "ConvertImageDtype": lambda op: ToDtype(op.dtype, scale=True),
    "ToDtype": lambda op: ToDtype(op.dtype, scale=op.scale),
    "Normalize": lambda op: Normalize(op.mean, op.std),
}


_GROUPS = ("RandomApply", "RandomChoice")


def _name_in(names: Iterable[str], kind: type) -> str | None:
    """Which of these names torchvision gives to the class, in v1 or v2."""
    found = (class_in(module, names, kind) for module in _MODULES)
    return next((name for name in found if name is not None), None)


def _parts(transform: Any) -> list[Any] | None:
    """What a composition of torchvision's or torch's applies one after the other; None for anything else."""
    if any(class_in(module, ["Compose"], type(transform)) for module in _MODULES):
        return list(transform.transforms)
    return list(transform) if class_in("torch.nn", ["Sequential"], type(transform)) else None


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
    name = _name_in((*_TRANSLATORS, *_GROUPS), kind)
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
        op = _TRANSLATORS[str(name)](transform)
    except SpecError as error:
        return f"{place}: {str(error).removeprefix(f'{kind.__name__}: ')}"
    return _Step(place, op, getattr(transform, "antialias", True) is True)


def _group(place: str, transform: Any) -> _Step | str:
    """`RandomApply` or `RandomChoice`: the same of translated members, or the reasons why not."""
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
    if _name_in(["RandomApply"], type(transform)):
        return _Step(place, Apply([op for branch in ops for op in branch], transform.p), antialias)
    alike = transform.p is None or len(set(transform.p)) == 1
    return _Step(place, Choice(ops, None if alike else transform.p), antialias)


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

    def through(self, steps: list[_Step]) -> _Image:
        for step in steps:
            self._check_erasing(step)
            if isinstance(step.op, _ToTensor):
                self._to_tensor(step.op, step.place)
            elif isinstance(step.op, ToDtype):
                self._convert(step.op, step.place)
            elif isinstance(step.op, Normalize):
                self._normalize(step.op, step.place)
            elif isinstance(step.op, RandomErasing):
                self.erasing.append(step.op)
            elif step.op is not None:
                self._move(step.op, step)
        return self

    def pipeline(self, place: str) -> Pipeline:
        if self.dtype is None:
            raise SpecError(f"{place} gives PIL images, which don't make a batch; end it with ToTensor or ToImage")
        conversion = [op for op in (self.conversion, self.normalize) if op is not None]
        return Pipeline([*self.geometry, *conversion, *self.erasing])

    def _check_erasing(self, step: _Step) -> None:
        """Refuses to erase PIL images, and whatever would be done to a result with something erased."""
        if isinstance(step.op, RandomErasing):
            if self.dtype is None:
                raise SpecError(f"{step.place} erases tensors, and a PIL image comes in; put ToTensor before it")
        elif self.erasing and step.op is not None:
            raise SpecError(f"{step.place} comes after RandomErasing, which comes last in Penstock; move it before")

    def _to_tensor(self, op: _ToTensor, place: str) -> None:
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
