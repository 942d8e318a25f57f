"""A result of the `stages` suite as Markdown, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from .report import table

__all__ = ["crossover_bytes_per_second", "markdown"]

Lines = Sequence[Mapping[str, Any]]


def markdown(result: Mapping[str, Any]) -> str:
    """All tables of a result."""
    parts = [
        "Microseconds per image of a `dct` pack, RandomResizedCrop(224) + flip, one thread, by instruction-set level:",
        stages_table(result),
        f"The same from an `encoded` pack, at {result['levels'][0]}:",
        encoded_table(result["crop"]),
        bytes_text(result),
        "One shuffled epoch through the `DataLoader`, one thread, of packs that are not in the file cache:",
        cold_table(result["cold"]),
        crossover_text(result),
    ]
    return "\n\n".join(parts)


def of(lines: Lines, codec: str, level: str | None = None) -> Lines:
    """The lines of a codec, at one level or all."""
    return [line for line in lines if line["codec"] == codec and level in (None, line["level"])]


def microseconds(lines: Lines, key: str, *, stage: bool = False) -> float:
    """Per image: the median over the rounds."""
    return 1e6 * float(median((line["stages"][key] if stage else line[key]) / line["images"] for line in lines))


def stages_table(result: Mapping[str, Any]) -> str:
    """Stages down, levels across."""
    levels = result["levels"]
    by_level = [of(result["crop"], "dct", level) for level in levels]
    rows = [
        [stage, *(f"{microseconds(lines, stage, stage=True):,.1f}" for lines in by_level)]
        for stage in by_level[0][0]["stages"]
    ]
    rows += [
        [text, *(f"{microseconds(lines, key):,.1f}" for lines in by_level)]
        for text, key in (("all, fused, to uint8", "uint8"), ("all, fused, to float32", "float32"))
    ]
    rows.append(["images/s of that, uint8", *(f"{1e6 / microseconds(lines, 'uint8'):,.0f}" for lines in by_level)])
    rows.append(["checksums' share", *(f"{checksum_share(lines):.1%}" for lines in by_level)])
    return table(["stage", *levels], rows, "<" + ">" * len(levels))


def checksum_share(lines: Lines) -> float:
    """Of all time, for uint8."""
    return microseconds(lines, "checksum", stage=True) / microseconds(lines, "uint8")


def encoded_table(lines: Lines) -> str:
    """Stages of an image file."""
    found = of(lines, "encoded")
    rows = [[stage, f"{microseconds(found, stage, stage=True):,.1f}"] for stage in found[0]["stages"]]
    return table(["stage", "us"], [*rows, ["all", f"{microseconds(found, 'uint8'):,.1f}"]], "<>")


def mean_bytes(lines: Lines) -> float:
    """Bytes read per image."""
    return float(median(line["bytes"] / line["images"] for line in lines))


def bytes_text(result: Mapping[str, Any]) -> str:
    """Bytes per image and second, beside what memory gives."""
    level, record_bytes = result["levels"][0], result["record_bytes"]
    best = of(result["crop"], "dct", level)
    us, read = microseconds(best, "uint8"), mean_bytes(best)
    blocks = best[0]["blocks"] / best[0]["images"]
    copied = median(line["copied_bytes_per_second"] for line in result["crop"] if line["codec"] == "none")
    return (
        f"A record has {record_bytes['dct'] / 1000:,.1f} kB, {record_bytes['dct'] / record_bytes['encoded']:.2f} times "
        f"the file's {record_bytes['encoded'] / 1000:,.1f} kB. A crop reads {read / 1000:,.1f} kB of it, so one thread "
        f"at {level} takes in {read / us:,.0f} MB/s; it copies {copied / 1e6:,.0f} MB/s from memory to memory. An "
        f"average crop has {blocks:,.0f} blocks: {1000 * us / blocks:.0f} ns for each, all stages included."
    )


def cold_table(cold: Mapping[str, Lines]) -> str:
    """Rates and bytes with an empty file cache."""
    rows = [
        [
            codec,
            f"{median(run['images'] / run['seconds'] for run in runs):,.0f}",
            f"{disk_bytes(runs) / 1000:,.1f}",
            f"{median(run['disk_bytes'] / run['seconds'] for run in runs) / 1e6:,.0f}",
        ]
        for codec, runs in cold.items()
    ]
    return table(["codec", "images/s", "kB/image from storage", "MB/s from storage"], rows, "<>>>")


def disk_bytes(runs: Lines) -> float:
    """Bytes fetched from storage per image."""
    return float(median(run["disk_bytes"] / run["images"] for run in runs))


def crossover_bytes_per_second(
    dct_bytes: float, dct_seconds: float, encoded_bytes: float, encoded_seconds: float
) -> float:
    """The storage bandwidth, for each core, below which `encoded` gives more images per second; 0: there is none.

    Reading and decoding overlap, so a codec gives min(bandwidth / bytes, 1 / seconds) images per second. While storage
    is the limit, the codec with fewer bytes is the better one. With more bytes and less time, dct is behind until
    storage brings its bytes as fast as `encoded` decodes.
    """
    if dct_bytes <= encoded_bytes:
        return 0.0
    return dct_bytes / encoded_seconds if dct_seconds <= encoded_seconds else float("inf")


def crossover_text(result: Mapping[str, Any]) -> str:
    """Below which bandwidth `encoded` is the better codec, for crops and for whole images."""
    level = result["levels"][0]
    crop_bytes = [disk_bytes(result["cold"][codec]) for codec in ("dct", "encoded")]
    whole_bytes = [mean_bytes(of(result["whole"], codec)) for codec in ("dct", "encoded")]
    lines = ["Storage bandwidth below which `encoded` gives more images per second, for each core that decodes:", ""]
    for what, key, (dct, encoded) in (("random crops", "crop", crop_bytes), ("whole images", "whole", whole_bytes)):
        if not (dct and encoded):
            lines.append(f"- {what}: not known, because nothing came from storage: is `TMPDIR` in memory?")
            continue
        seconds = [microseconds(of(result[key], codec, level), "uint8") / 1e6 for codec in ("dct", "encoded")]
        limit = crossover_bytes_per_second(dct, seconds[0], encoded, seconds[1])
        needs = (
            f"dct {dct / 1000:,.0f} kB and {1e6 * seconds[0]:,.0f} us an image, encoded {encoded / 1000:,.0f} kB and "
        )
        needs += f"{1e6 * seconds[1]:,.0f} us"
        verdict = f"{limit / 1e6:,.0f} MB/s" if limit else "none, dct is better at any"
        lines.append(f"- {what}: **{verdict}** ({needs})")
    return "\n".join(lines)
