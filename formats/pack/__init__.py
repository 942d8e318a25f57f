"""The pack: a directory of shards with an index (byte layout: formats/SPEC.md)."""

from .reader import Pack

__all__ = ["Pack"]
