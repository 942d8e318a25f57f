"""Every error that Penstock raises on purpose.

::

    PenstockError
    ├── DatasetError (also ValueError)         a dataset as a whole can't be read as what it should be
    │   ├── DatasetNotFoundError (also FileNotFoundError)
    │   └── UnknownClassError
    ├── RecordError (also OSError)             one sample is bad; carries .source, .index and .reason
    │   ├── MissingFileError (also FileNotFoundError)
    │   ├── TruncatedError                     fewer bytes than were promised
    │   ├── ChecksumError                      bytes differ from those that were packed
    │   └── DecodeError (also ValueError)      the bytes are not an image that Pillow could read
    ├── PackingError (also OSError)            a pack or LMDB can't be written (no room, other options ...)
    ├── SpecError (also ValueError)            an augmentation is declared wrong
    ├── OptionError (also ValueError)          an argument or a combination of arguments is refused
    ├── EngineClosedError (also RuntimeError)  a loader or engine is used after close()
    ├── WorkerDeathError (also RuntimeError)   a worker process of a loader died, and is not replaced
    ├── TooManyErrorsError (also RuntimeError) more samples failed than a loader was told to pass over
    └── TrainingError (also RuntimeError)      a training run can't go on: bad checkpoint, diverged loss ...

A message says what was expected, what came, where (file, record, offset) and what to do next.
"""

from __future__ import annotations

__all__ = [
    "ChecksumError",
    "DatasetError",
    "DatasetNotFoundError",
    "DecodeError",
    "EngineClosedError",
    "MissingFileError",
    "OptionError",
    "PackingError",
    "PenstockError",
    "RecordError",
    "SpecError",
    "TooManyErrorsError",
    "TrainingError",
    "TruncatedError",
    "UnknownClassError",
    "WorkerDeathError",
]


class PenstockError(Exception):
    """Base of every error that Penstock raises on purpose."""


class DatasetError(PenstockError, ValueError):
    """A dataset as a whole can't be read: no images, a missing column, a damaged index ..."""


class DatasetNotFoundError(DatasetError, FileNotFoundError):
    """The path of a dataset does not exist, or is nothing that Penstock knows."""


class UnknownClassError(DatasetError):
    """A label or class folder is not among the classes that were asked for."""


class RecordError(PenstockError, OSError):
    """One sample can't be read.

    Attributes:
        source: file (and record in it) that the sample comes from.
        index: index of the sample in its dataset, or None where it is not known.
        reason: what is wrong with it, without the place.
    """

    def __init__(self, reason: str, *, source: str = "", index: int | None = None) -> None:
        place = f"{source}: " if source else ""
        sample = f" (sample {index})" if index is not None else ""
        super().__init__(f"{place}{reason}{sample}")
        self.source = source
        self.index = index
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[0])

    def at(self, source: str, index: int | None = None) -> RecordError:
        """The same error with its place filled in (a new object of the same class)."""
        return type(self)(self.reason, source=source, index=index)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_record_error, (type(self), self.reason, self.source, self.index))


class MissingFileError(RecordError, FileNotFoundError):
    """The file of a sample is not there."""


class TruncatedError(RecordError):
    """A file or record ends before the bytes that its index promises."""


class ChecksumError(RecordError):
    """The bytes of a record are not those that were packed (CRC-32C differs)."""


class DecodeError(RecordError, ValueError):
    """The bytes of a sample are not an image that can be decoded."""


class PackingError(PenstockError, OSError):
    """A dataset can't be written; the message says what is left on disk and how to go on."""


class SpecError(PenstockError, ValueError):
    """An augmentation is declared wrong; the message names op, argument, value and fix."""


class OptionError(PenstockError, ValueError):
    """An argument, or a combination of arguments, is refused; the message names them."""


class EngineClosedError(PenstockError, RuntimeError):
    """A loader or engine was used after it had been closed."""


class WorkerDeathError(PenstockError, RuntimeError):
    """A worker process died; the message says how, and at which sample."""


class TooManyErrorsError(PenstockError, RuntimeError):
    """More samples failed than `max_errors`; the message says how many, and what the last one was."""


class TrainingError(PenstockError, RuntimeError):
    """A training run can't go on; the message says why and what is left of it."""


def _rebuild_record_error(kind: type[RecordError], reason: str, source: str, index: int | None) -> RecordError:
    return kind(reason, source=source, index=index)
