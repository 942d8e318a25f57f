"""What `penstock bench` found: rates, how they compare with torch's, and what bounds the loader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from .text import plural

__all__ = ["Rate", "Rates"]

_MUCH = 0.25
"""A share of the time that is worth naming."""
_POOR_SCALING = 0.6


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast one contestant was.

    Attributes:
        name, output, threads: as those of `contestants.Contestant`.
        turns: images per second of each turn; empty where it could not be measured.
    """

    name: str
    output: str
    threads: int
    turns: tuple[float, ...]

    @property
    def title(self) -> str:
        """Name and output: "Penstock, uint8"."""
        return f"{self.name}, {self.output}" if self.output else self.name

    @property
    def images_per_second(self) -> float:
        """The median."""
        return median(self.turns)


class Rates:
    """All rates of a run that could be measured; a loader has an output, and torch's is not called Penstock.

    Args:
        rates: of all contestants.
        mean_bytes: stored bytes per image.
        kind: of the dataset: "pack", "folder", "csv" ...
        is_dct: whether images are stored as coefficients, whose decoding is cheap.
    """

    def __init__(self, rates: Sequence[Rate], mean_bytes: float, kind: str, *, is_dct: bool) -> None:
        self.rates = [rate for rate in rates if rate.turns]
        self.mean_bytes = mean_bytes
        self.kind = kind
        self.is_dct = is_dct

    @property
    def threads(self) -> list[int]:
        """The numbers of threads that were measured."""
        return sorted({rate.threads for rate in self.rates})

    @property
    def titles(self) -> list[str]:
        """Of all that was measured, in the order in which it was."""
        return list(dict.fromkeys(rate.title for rate in self.rates))

    def find(self, title: str, threads: int) -> Rate | None:
        """The rate with this title, if it was measured."""
        return next((rate for rate in self.rates if (rate.title, rate.threads) == (title, threads)), None)

    def megabytes_per_second(self, rate: Rate) -> float:
        """Stored bytes, in millions."""
        return rate.images_per_second * self.mean_bytes / 1e6

    def times_torch(self, rate: Rate) -> float | None:
        """How many times as fast as torch's loader with this output and these threads; None for other work."""
        if rate.name != "Penstock":
            return None
        for other in self.rates:
            if (
                other.output
                and other.name != rate.name
                and (other.output, other.threads) == (rate.output, rate.threads)
            ):
                return rate.images_per_second / other.images_per_second
        return None

    def comparison(self) -> str:
        """A sentence about Penstock and torch's loader, with all threads; empty where one of them is missing."""
        most = self.threads[-1]
        parts = []
        for rate in self.rates:
            times = self.times_torch(rate)
            if times is not None and rate.threads == most:
                parts.append(f"{times:.1f} times as fast with {rate.output}")
        if not parts:
            return ""
        ours, theirs = plural(most, "thread"), "1 worker process" if most == 1 else f"{most} worker processes"
        given = " (which gets its images from the pack too, decoded by Penstock)" if self.is_dct else ""
        return f"With {ours} Penstock is {' and '.join(parts)} as torch's loader with {theirs}{given}."

    def bound(self) -> str:
        """What bounds Penstock's loader (uint8, all threads) on this machine, and what would help."""
        most = self.threads[-1]
        full = self._rate("Penstock, uint8", most)
        if full is None:
            return ""
        storage = self._rate("read, from storage", most)
        if storage is not None and storage < full:
            return (
                f"Bound by storage while the data are not in memory: it delivers {storage:,.0f} images/s, and "
                f"{full:,.0f} could be loaded. Faster storage, memory for all of the data, or smaller images "
                "(pack-dataset --resize) would help."
            )
        return " ".join(self._processor_bound())

    def _processor_bound(self) -> Iterator[str]:
        load = self._milliseconds("Penstock, uint8")
        read, decode = self._milliseconds("read, in memory"), self._milliseconds("decode, whole images")
        most = self.threads[-1]
        yield (
            f"Bound by the processor: an image takes {load:.2f} ms of a thread, of which {read:.2f} ms to read it; to "
            f"decode all of it would take {decode:.2f} ms, and a crop needs a part."
        )
        slow_files = read >= _MUCH * load and self.kind != "pack"
        slow_decoding = decode >= _MUCH * load and not self.is_dct
        if slow_files:
            yield "Many small files are slow to open: pack-dataset puts them into few large ones."
        elif slow_decoding:
            yield "pack-dataset stores JPEGs so that decoding costs a fraction of this, without changing a pixel."
        gain = self._gain(most)
        if gain < _POOR_SCALING * most:
            yield (
                f"{most} threads are only {gain:.1f} times as fast as one: other programs, a quota or hyper-threads "
                "take the rest (penstock doctor)."
            )
        elif not slow_files and not slow_decoding:
            yield "More cores, or a smaller --size, would help."

    def _milliseconds(self, title: str) -> float:
        """What an image costs one thread; 0 where that is not known."""
        rate = self._rate(title, self.threads[0])
        return 0.0 if rate is None else 1000 / rate

    def _gain(self, threads: int) -> float:
        """How many times as fast as with one thread images are loaded with these."""
        one, many = (self._rate("Penstock, uint8", count) for count in (1, threads))
        return float(threads) if one is None or many is None else many / one

    def _rate(self, title: str, threads: int) -> float | None:
        found = self.find(title, threads)
        return None if found is None else found.images_per_second
