"""A declared augmentation: ops in order, what they draw, and what they make of an image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import index as index_of
from typing import Any, Literal, NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from .. import _core
from ..errors import OptionError, SpecError
from .descriptions import check_keys, check_version, read_json
from .functions import Turns
from .ops import OPS, Op, every_op, op_from_dict
from .ops.arguments import pair
from .ops.base import Stage, lower_ops
from .ops.crops import Crops
from .ops.values import is_int, members, shown
from .order import check_crops, check_order
from .params import ParamTable

__all__ = ["Pipeline"]

FORMAT_VERSION = 1
"""Version of the dictionary that `Pipeline.to_dict` writes."""

MAX_OPS = 65536
"""Positions of ops have 16 bits among what draws depend on."""


class Pipeline(Sequence[Op]):
    """Ops applied one after the other; immutable, hashable, picklable, safe to share between threads.

    Geometry and colours come first, in any order (on uint8 images), then at most one `ToDtype`, at most one
    `Normalize`, erasing, and at most one op that mixes the samples of a batch. What is drawn for a sample depends on
    (seed, epoch, index, draw) and its image's size alone; batches are mixed by what their first sample drew.

    Args:
        ops: the ops, in order. With none, images stay as they are.
        position: of the first op in the pipeline that this one is a part of (`split`), where ops inside others are
            counted too; draws are those of the ops' places there.

    Raises:
        SpecError: something that is no op, ops in an order without a meaning, or a crop that is larger than its image;
            the message says what to do.
    """

    __slots__ = ("_columns", "_functions", "_ops", "_position", "_program", "_turns")

    def __init__(self, ops: Iterable[Op] = (), *, position: int = 0) -> None:
        self._ops = _checked_ops(ops)
        self._position = _checked_position(position)
        self._program: _core.Program | None = None
        self._turns: Turns | None = None
        self._columns: tuple[str, ...] | None = None
        self._functions = tuple(place for place, op in enumerate(self._ops) if op.stage is Stage.FUNCTION)
        check_order(self._ops)
        check_crops(self._ops)

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops, in order."""
        return self._ops

    @property
    def position(self) -> int:
        """How many ops, with those inside others, come before it in the pipeline that it is a part of."""
        return self._position

    @property
    def program(self) -> _core.Program:
        """The compiled form that engines run; built on first use and not pickled."""
        if self._program is None:
            self._program = _core.Program([lowered for _, lowered in lower_ops(self._ops)], self._position)
        return self._program

    @property
    def functions(self) -> tuple[int, ...]:
        """Positions of its Python functions (`Lambda`); with any, engines can't run `program`, only draw from it."""
        return self._functions

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what the ops draw, "<op position>.<field>"; inside groups "<group>.<member>.<field>" and so on."""
        if self._columns is None:
            paths = [path for path, _ in lower_ops(self._ops)]
            parts = (name.partition(".") for name in self.program.columns)
            self._columns = tuple(f"{paths[int(position)]}.{field}" for position, _, field in parts)
        return self._columns

    @property
    def output_size(self) -> tuple[int, int] | None:
        """(height, width) of every result in pixels, or None where it depends on the image."""
        return self.program.output_size

    @property
    def crops(self) -> int:
        """How many crops each result is made of: results are (crops, 3, height, width), or (3, height, width) for 1."""
        return self.program.crops

    @property
    def dtype(self) -> Literal["uint8", "float32", "float16"]:
        """Name of the results' dtype."""
        return self.program.dtype

    def split(self, position: int) -> tuple[Pipeline, Pipeline]:
        """The first `position` ops, and the rest, which draws what it draws in the whole.

        To run the rest, draw its parameters with the same seed, epoch, indices and draws, and with the sizes of the
        images that the first part gives. Columns are named by the ops' positions in their own part.

        Raises:
            SpecError: `position` is not from 0 to the number of ops, or lies between `ToDtype` and `Normalize`.
        """
        if not is_int(position) or not 0 <= position <= len(self._ops):
            raise SpecError(
                f"Pipeline: position must be an int from 0 to {len(self._ops)}, the number of ops, got "
                f"{shown(position)}; for example pipeline.split(len(pipeline) - 1)"
            )
        first = Pipeline(self._ops[:position], position=self._position)
        lowered = sum(1 for _ in lower_ops(first))
        return first, Pipeline(self._ops[position:], position=self._position + lowered)

    @property
    def mixes(self) -> bool:
        """Whether its last op mixes the samples of a batch."""
        return bool(self._ops) and self._ops[-1].stage is Stage.BATCH

    def split_batches(self) -> tuple[Pipeline, Pipeline | None]:
        """What is done to single images, and what mixes batches of them (None where nothing does), as `split` gives."""
        return self.split(len(self._ops) - 1) if self.mixes else (self, None)

    def params(
        self,
        indices: ArrayLike,
        epoch: int = 0,
        seed: int = 0,
        sizes: ArrayLike | None = None,
        draws: ArrayLike | None = None,
        view: int = 0,
    ) -> ParamTable:
        """Draws the parameters of n samples; each row depends on its own index, draw and size alone.

        Args:
            indices: (n,) indices of the samples in their dataset, or one index.
            epoch: from 0, below 2**32.
            seed: from 0, below 2**64.
            sizes: (n, 2) heights and widths of the decoded images in pixels, or one (height, width) for all. Needed
                where an op draws by size, as crops do (`Op.draws_by_size`).
            draws: (n,) which visit of the sample in this epoch this is; 0 for all where not given.
            view: which of several results of the sample this is (see `Views`), from 0, below 65,536.

        Raises:
            OptionError: arguments whose shapes or ranges do not fit.
            DecodeError: an image that is too small for a `RandomCrop`, or that an op would make too large.
        """
        rows = _column("indices", indices)
        visits = np.zeros_like(rows) if draws is None else _column("draws", draws)
        if len(visits) != len(rows):
            raise OptionError(f"draws must have one entry for each of the {len(rows)} indices, got {len(visits)}")
        shapes = self._sizes(sizes, len(rows))
        keys = [_key("seed", seed, 2**64), _key("epoch", epoch, 2**32), _key("view", view, 2**16)]
        table = self.program.draw(keys[0], keys[1], rows, visits, shapes, keys[2])
        return ParamTable(self.columns, table)

    def apply(
        self, image: ArrayLike, index: int = 0, epoch: int = 0, seed: int = 0, draw: int = 0, view: int = 0
    ) -> NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]:
        """Draws the parameters of one sample and applies them to its image, with the native kernels.

        Ops that mix batches are left out: they need a batch.

        Args:
            image: decoded, (height, width, 3) uint8 RGB (an array, or a PIL image of mode RGB); not changed.
            index, epoch, seed, draw, view: what the sample is keyed by, as in `params`.

        Returns:
            (3, height, width) of `dtype`, or (crops, 3, height, width) of several crops; C order, a new array.

        Raises:
            OptionError: an image of another shape, dtype or mode.
        """
        given: Any = image
        if isinstance(given, Image.Image) and given.mode != "RGB":
            raise OptionError(f"image must be of mode RGB, got mode {given.mode}; give image.convert('RGB')")
        pixels = np.ascontiguousarray(_array("image", image))
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
            raise OptionError(
                f"image must be (height, width, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}; "
                f"convert it, for example with PIL.Image.convert('RGB')"
            )
        table = self.params([index], epoch, seed, pixels.shape[:2], [draw], view)
        return self.apply_row(pixels, table.row(0))

    def apply_row(
        self, image: NDArray[np.uint8], row: NDArray[np.float64]
    ) -> NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]:
        """As `apply`, with parameters that were drawn before: one row of `params` for an image of this size.

        Raises:
            OptionError: an image or a row of another shape or dtype. Also what its functions raise.
        """
        if not self.functions:
            return self.program.apply(image, row)
        if self._turns is None:
            self._turns = Turns(self._ops, self.dtype)
        return self._turns.apply(image, row)

    def to_dict(self) -> dict[str, Any]:
        """{"version": 1, "ops": [...]}, of types that JSON has; `from_dict` reads it. A part has its "position" too."""
        part = {"position": self._position} if self._position else {}
        return {"version": FORMAT_VERSION, **part, "ops": [op.to_dict() for op in self._ops]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Pipeline:
        """The pipeline that `to_dict` described.

        Functions (`Lambda`) are imported by the names in it: read only what you trust.

        Raises:
            SpecError: an unknown version, key, op or argument, or a bad one.
        """
        check_keys("a pipeline", data, ["version", "ops"], ["position"])
        check_version("a pipeline", data["version"], FORMAT_VERSION)
        if not isinstance(data["ops"], (list, tuple)):
            raise SpecError(f"'ops' of a pipeline must be a list of ops, got {shown(data['ops'])}")
        return cls([op_from_dict(op) for op in data["ops"]], position=data.get("position", 0))

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Pipeline:
        """The pipeline that `to_json` wrote; SpecError as `from_dict`, and for text that is no JSON."""
        return cls.from_dict(read_json("a pipeline", text, "Pipeline.to_json"))

    def _sizes(self, sizes: ArrayLike | None, count: int) -> NDArray[np.int32]:
        if sizes is None:
            for op in every_op(self._ops):
                if op.draws_by_size:
                    raise OptionError(
                        f"sizes must be given for what {type(op).__name__} draws: (n, 2) heights and widths of the "
                        f"decoded images"
                    )
            # Nothing depends on the size, but that of several crops still have to fit.
            fitting = next((pair(op.size) for op in self._ops if isinstance(op, Crops)), (1, 1))
            return np.full((count, 2), fitting, np.int32)
        table = _array("sizes", sizes)
        shaped = table.dtype.kind in "iu" and table.shape in ((2,), (count, 2))
        if not shaped or (table.size and not 0 < table.min() <= table.max() < 2**31):
            raise OptionError(
                f"sizes must be (height, width) or ({count}, 2) positive ints, got {table.dtype} of shape "
                f"{table.shape}: {shown(sizes)}"
            )
        return np.ascontiguousarray(np.broadcast_to(table, (count, 2)), np.int32)

    @overload
    def __getitem__(self, index: int) -> Op: ...
    @overload
    def __getitem__(self, index: slice) -> Pipeline: ...
    def __getitem__(self, index: int | slice) -> Op | Pipeline:
        return Pipeline(self._ops[index]) if isinstance(index, slice) else self._ops[index]

    def __len__(self) -> int:
        return len(self._ops)

    def __add__(self, other: object) -> NoReturn:
        raise _not_added(self, other)

    def __radd__(self, other: object) -> NoReturn:
        raise _not_added(other, self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pipeline):
            return NotImplemented
        return self._ops == other._ops and self._position == other._position

    def __hash__(self) -> int:
        return hash((self._ops, self._position))

    def __repr__(self) -> str:
        lines = "".join(f"\n    {op!r}," for op in self._ops)
        place = f", position={self._position}" if self._position else ""
        return f"Pipeline([{lines}\n]{place})" if lines else f"Pipeline([]{place})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _part, (self._ops, self._position)


def _not_added(first: object, second: object) -> SpecError:
    return SpecError(
        f"{type(first).__name__} + {type(second).__name__}: pipelines are not added up; write "
        "Pipeline([*first, *second]) for one after the other, or Views.of([first, second]) for both of each image"
    )


def _part(ops: tuple[Op, ...], position: int) -> Pipeline:
    return Pipeline(ops, position=position)


def _checked_position(position: object) -> int:
    if not is_int(position) or not 0 <= position < MAX_OPS:
        raise SpecError(f"Pipeline: position must be an int from 0 to {MAX_OPS - 1}, got {shown(position)}")
    return int(position)


def _checked_ops(ops: object) -> tuple[Op, ...]:
    listed = members(ops)
    if listed is None:
        fix = "for example Pipeline([RandomResizedCrop(224)])"
        if isinstance(ops, str | bytes | Mapping):
            fix = f"Pipeline.{'from_dict' if isinstance(ops, Mapping) else 'from_json'} reads what describes one"
        raise SpecError(f"Pipeline: ops must be a list of ops, got {shown(ops)}; {fix}")
    if len(listed) > MAX_OPS:
        raise SpecError(f"Pipeline: expected at most {MAX_OPS:,} ops, got {len(listed):,}; leave some out")
    for position, op in enumerate(listed):
        if isinstance(op, type) and issubclass(op, Op):
            raise SpecError(f"Pipeline: position {position} holds the class {op.__name__}; call it: {op.__name__}(...)")
        if isinstance(op, Pipeline | list | tuple):
            fix = "write its ops one by one, Pipeline([*ops, ...])"
            raise SpecError(f"Pipeline: position {position} must hold one op, got {shown(op)}; {fix}")
        if not isinstance(op, Op):
            known = ", ".join(sorted(OPS))
            raise SpecError(
                f"Pipeline: position {position} must hold an op of penstock.augment ({known}), got {shown(op)}"
            )
    return listed


def _key(name: str, value: object, end: int) -> int:
    """One of the numbers that all samples are keyed by; anything that Python takes as an index, but no bool."""
    try:
        number = None if isinstance(value, bool) else index_of(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or not 0 <= number < end:
        raise OptionError(f"{name} must be an int from 0 to {end - 1}, got {shown(value)}; for example {name}=0")
    return number


def _array(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} must be an array of ints, got {shown(values)}: {error}") from error


def _column(name: str, values: ArrayLike) -> NDArray[np.int64]:
    column = np.atleast_1d(_array(name, values))
    if column.size == 0:
        column = column.astype(np.int64)
    whole = column.dtype.kind in "iu" and column.ndim == 1
    if not whole or (column.size and not 0 <= column.min() <= column.max() < 2**63):
        shape = f"{column.dtype} of shape {column.shape}"
        raise OptionError(f"{name} must be (n,) ints from 0, below 2**63, got {shape}: {shown(values)}")
    return np.ascontiguousarray(column, np.int64)
