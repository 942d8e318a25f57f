"""How samples travel: order, engines, the `DataLoader`, and `scatter`/`gather` over devices."""

from __future__ import annotations

if __name__ != "penstock.loaders":
    raise ImportError(f"import this package as penstock.loaders, not as {__name__!r}")

from .augmented import Augmented
from .dataloader import DataLoader
from .devices.scatter import gather, scatter
from .stats.stats import Stats
from .transform import Transform

__all__ = ["Augmented", "DataLoader", "Stats", "Transform", "gather", "scatter"]
