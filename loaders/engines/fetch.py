"""One batch of a map-style dataset, made sample by sample: each seeded by its key, a bad one handled by the policy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

from torch.utils.data._utils.fetch import _MapDatasetFetcher

from ..collating import collated, stacks
from ..faults.describing import describe_sample, name_sample
from ..faults.faults import Failure
from ..faults.substitutes import Candidates, no_substitute, substitute
from ..keys.keying import Request
from ..keys.keys import KeyedIndex, SampleKeys
from ..keys.seeding import collating, keep_generators, seeded
from ..options import ErrorPolicy
from ..state.passes import Cursor

__all__ = ["Fetched", "Fetcher", "NamingFetcher", "Seeding", "StagePlace", "sample_number"]

Seeding: TypeAlias = Literal["all", "thread", "no"]
"""Which generators a sample's key seeds: all of the process, only `penstock.rng.current()`, or none."""


class StagePlace(Protocol):
    """Is told what is being done, for messages and statistics."""

    def at(self, stage: str, sample: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """A batch, and what failed on the way.

    Attributes:
        batch: what `collate_fn` made; None if nothing is left to collate.
        empty: nothing is left.
        failures: samples that were skipped or replaced.
        keys: of the samples in the batch, where they are not those of the request.
    """

    batch: Any
    empty: bool = False
    failures: Sequence[Failure] = field(default_factory=tuple)
    keys: SampleKeys | None = None

    def cursor(self, asked: Cursor) -> Cursor:
        """`asked`, that of the request, with the keys of what came in."""
        return asked if self.keys is None else replace(asked, keys=self.keys)


@dataclass(slots=True)
class _Made:
    """The samples of a batch as far as they are made.

    Attributes:
        samples: in order.
        keys: theirs, where they have keys.
        failures: samples that were skipped or replaced.
    """

    samples: list[Any] = field(default_factory=list)
    keys: list[KeyedIndex | None] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, sample: Any, key: KeyedIndex | None) -> None:
        self.samples.append(sample)
        self.keys.append(key)

    def keys_of(self, request: Request) -> SampleKeys | None:
        """What `Fetched.keys` says."""
        if not self.failures or request.keys is None:
            return None
        return SampleKeys.of([key for key in self.keys if key is not None])


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Makes batches of a map-style dataset; picklable as far as its parts are.

    Attributes:
        dataset, collate_fn: the loader's.
        auto_collation: samples are collated, as everywhere but with `batch_size=None`.
        keyed: the dataset is asked for indices that carry their keys (`Augmented`).
        seeding: which generators each sample's key seeds.
        keep: leave the caller's generators as they were.
        on_error: what becomes of a sample that can't be made.
        candidates: for its substitutes.
        stacks: `collate_fn` is torch's own.
    """

    dataset: Any
    collate_fn: Callable[[Any], Any]
    auto_collation: bool
    keyed: bool = False
    seeding: Seeding = "no"
    keep: bool = False
    on_error: ErrorPolicy = "raise"
    candidates: Candidates = None
    stacks: bool = False

    def fetch(self, request: Request, place: StagePlace | None = None) -> Fetched:
        """The batch of a request.

        Raises:
            Whatever the dataset (unless the policy says otherwise) and `collate_fn` raise, with a note that names the
            sample; TooManyErrorsError: no substitute could be made either.
        """
        with keep_generators() if self.keep and self.seeding == "all" else contextlib.nullcontext():
            made = self._make(request, place)
            samples, failures = made.samples, made.failures
            if failures and not samples:
                return Fetched(None, True, failures)
            keys = made.keys_of(request)
            if not self.auto_collation:
                return Fetched(self.collate_fn(samples[0]), False, failures, keys)
            if place is not None:
                place.at("collate", -1)
            if self.seeding == "no" or request.keys is None or not len(request.keys):
                return Fetched(self._collate(made, request), False, failures, keys)
            with collating(request.keys, shared=self.seeding == "all"):
                return Fetched(self._collate(made, request), False, failures, keys)

    def _collate(self, made: _Made, request: Request) -> Any:
        if not self.stacks:
            return self.collate_fn(made.samples)
        known = [key for key in made.keys if key is not None] or request.given
        indices = known if len(known) == len(made.samples) else None
        return collated(self.collate_fn, self.dataset, indices, made.samples)

    def _make(self, request: Request, place: StagePlace | None) -> _Made:
        if self._at_once():
            if place is not None:
                place.at("sample", -1)
            return _Made(list(self.dataset.__getitems__(request.keyed() if self.keyed else request.given)))
        asked, keys = self._asked(request)
        batch = [] if request.keys is None else request.keys.plain()
        made = _Made()
        for index, key in zip(asked, keys, strict=True):
            if place is not None:
                place.at("sample", sample_number(index))
            try:
                made.add(self._sample(index, key), key)
            except Exception as error:
                if self.on_error == "raise" or isinstance(index, list):
                    name_sample(error, self.dataset, index)
                    raise
                self._replace(made, error, index, key, batch)
        return made

    def _asked(self, request: Request) -> tuple[list[Any], list[KeyedIndex | None]]:
        """What the dataset is asked for, one by one, and what each is keyed by."""
        given = request.keyed() if self.keyed else request.given
        keys: list[KeyedIndex | None] = [] if request.keys is None else [*request.keys.keyed()]
        if not self.auto_collation:  # one index, or a list of them that the dataset makes one thing of
            return [given], keys[:1] or [None]
        asked = list(given)
        return asked, keys or [None] * len(asked)

    def _at_once(self) -> bool:
        """Whether the dataset can be asked for the whole batch, as torch does."""
        plain = self.auto_collation and self.seeding == "no" and self.on_error == "raise"
        return plain and bool(getattr(self.dataset, "__getitems__", None))

    def _sample(self, index: Any, key: KeyedIndex | None) -> Any:
        if self.seeding == "no" or key is None:
            return self._get(index)
        with seeded(key, shared=self.seeding == "all"):
            return self._get(index)

    def _get(self, index: Any) -> Any:
        several = getattr(self.dataset, "__getitems__", None) if self.auto_collation else None
        try:
            return several([index])[0] if several else self.dataset[index]
        except StopIteration as error:  # the consumer's loop would take it for the end of the pass
            raise RuntimeError(
                f"sample {index} ({describe_sample(self.dataset, index)}) raised StopIteration"
            ) from error

    def _replace(self, made: _Made, error: Exception, index: Any, key: KeyedIndex | None, batch: Sequence[int]) -> None:
        """Adds the substitute of a sample that failed, or nothing."""
        own = describe_sample(self.dataset, index)
        if self.on_error == "skip" or key is None:
            made.failures.append(Failure.of(error, index, own))
            return
        failed, source, attempt = key, own, 0
        while True:
            other = substitute(key, attempt + 1, self.candidates, batch)
            if other is None:
                last = f"sample {int(failed)} ({source}): {type(error).__name__}: {error}"
                raise no_substitute(index, own, attempt, last) from error
            made.failures.append(Failure.of(error, failed, source, other, instead_of=key, attempt=attempt))
            try:
                made.add(self._sample(other if self.keyed else int(other), other), other)
                return
            except Exception as again:  # a substitute may be as bad
                error, failed, source = again, other, describe_sample(self.dataset, other)
            attempt += 1


def sample_number(index: Any) -> int:
    """The index of a sample as a number; -1 if it is none."""
    try:
        return int(index)
    except (TypeError, ValueError):
        return -1


class NamingFetcher(_MapDatasetFetcher):
    """torch's own fetcher, whose errors say, most by a note, which sample they are about."""

    stacks = False
    """`collate_fn` ends in torch's own."""

    @classmethod
    def of(cls, fetcher: _MapDatasetFetcher) -> NamingFetcher:
        """Does what `fetcher` does."""
        naming = cls(fetcher.dataset, fetcher.auto_collation, fetcher.collate_fn, fetcher.drop_last)
        naming.stacks = stacks(fetcher.collate_fn)
        return naming

    def fetch(self, possibly_batched_index: Any) -> Any:
        """What torch's makes of an index, or of a list of them."""
        if not self.auto_collation:
            return self.collate_fn(self._sample(possibly_batched_index))
        several = getattr(self.dataset, "__getitems__", None)
        indices = possibly_batched_index
        samples = several(indices) if several else [self._sample(index) for index in indices]
        return collated(self.collate_fn, self.dataset, indices, samples) if self.stacks else self.collate_fn(samples)

    def _sample(self, index: Any) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            name_sample(error, self.dataset, index)
            raise
