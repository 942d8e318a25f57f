"""pack.json: what a pack holds and how it was made (SPEC.md, 4.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import DatasetError
from .layout import VERSION

__all__ = ["MAX_MANIFEST_BYTES", "Manifest"]

MAX_MANIFEST_BYTES = 256 << 20

_FORMAT = "penstock-pack"
_SKIPPED_KEYS = {"source", "reason"}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "fields": list,
    "classes": list,
    "options": dict,
    "source": dict,
    "lossy": (dict, type(None)),
    "samples": int,
    "shards": int,
    "bytes": int,
    "codecs": dict,
    "fallbacks": dict,
    "skipped": list,
}
_DEFAULTS: dict[str, Any] = {"fallbacks": {}}
"""Fields that early packs of this version don't have."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of pack.json.

    Attributes:
        pack_id: 16 bytes, shared by index and shards.
        fields: name, type and shape of everything that a sample has.
        classes: class names; label k means the k-th.
        options: what the pack was made with.
        source: counts and fingerprint of what it was made from.
        lossy: how images were changed, or None where all are as found.
        samples, shards, size: counts, and bytes of all records.
        codecs: name of a codec -> number of records.
        fallbacks: why records are stored `encoded` although `dct` was asked for: reason -> number of records. Empty for
            packs that don't say.
        skipped: {"source", "reason"} of samples that were left out.
    """

    pack_id: bytes
    fields: Sequence[Mapping[str, Any]]
    classes: list[str]
    options: Mapping[str, Any]
    source: Mapping[str, Any]
    lossy: Mapping[str, Any] | None
    samples: int
    shards: int
    size: int
    codecs: Mapping[str, int]
    skipped: Sequence[Mapping[str, str]]
    fallbacks: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The file's bytes; the same manifest always gives the same ones."""
        content = {
            "format": _FORMAT,
            "version": VERSION,
            "id": self.pack_id.hex(),
            "fields": list(self.fields),
            "classes": self.classes,
            "options": dict(self.options),
            "source": dict(self.source),
            "lossy": self.lossy,
            "samples": self.samples,
            "shards": self.shards,
            "bytes": self.size,
            "codecs": dict(self.codecs),
            "fallbacks": dict(self.fallbacks),
            "skipped": list(self.skipped),
        }
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, place: str) -> Manifest:
        """Raises DatasetError, which names `place`, unless it is a whole pack.json of a known version."""
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f"{place}: expected JSON, got something else ({error}): restore it, or pack the dataset again"
            ) from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise DatasetError(f'{place}: expected an object with "format": "{_FORMAT}"; this is no pack')
        if content.get("version") != VERSION:
            raise DatasetError(
                f"{place}: pack format version {content.get('version')!r} is unknown, this Penstock reads version "
                f"{VERSION}: upgrade penstock, or pack the dataset again with this one"
            )
        content = _DEFAULTS | content
        _check_kinds(content, place)
        values = {name: content[name] for name in _KINDS if name not in ("id", "bytes")}
        return cls(pack_id=bytes.fromhex(content["id"]), size=content["bytes"], **values)


def _check_kinds(content: Mapping[str, Any], place: str) -> None:
    for name, kind in _KINDS.items():
        if name not in content or not isinstance(content[name], kind) or isinstance(content[name], bool):
            raise _damage(place, name, content.get(name))
    if not all(isinstance(each, dict) for each in content["fields"]):
        raise _damage(place, "fields", content["fields"])
    if not all(isinstance(each, str) for each in content["classes"]):
        raise _damage(place, "classes", content["classes"])
    if not all(isinstance(each, dict) and each.keys() >= _SKIPPED_KEYS for each in content["skipped"]):
        raise _damage(place, "skipped", content["skipped"])
    for name in ("codecs", "fallbacks"):
        if not all(type(count) is int for count in content[name].values()):
            raise _damage(place, name, content[name])
    try:
        whole = len(bytes.fromhex(content["id"])) == 16
    except ValueError:
        whole = False
    if not whole:
        raise _damage(place, "id", content["id"])


def _damage(place: str, name: str, value: object) -> DatasetError:
    return DatasetError(
        f"{place}: {name!r} has no meaning as {str(value)[:60]!r}: the file is damaged; restore it, or pack the "
        "dataset again"
    )
