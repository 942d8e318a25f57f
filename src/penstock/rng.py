"""Counter-based random numbers: what a sample is and what is done to it are functions of keys, and of no running state.

All numbers come from Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
2011). A sample is keyed by (seed, epoch, index, draw), the order of an epoch by (seed, epoch); how keys become counters
is written down in docs/design/2026-11-21-interfaces.md. `penstock.augment` draws by it; here are the parts below:

- `philox(key, counter)`: one block of four 32-bit words, from two and four.
- `Permutation(size, seed, epoch)`: the shuffled order of an epoch. `take(start, stop)` gives the indices at these
  positions, (stop - start,) int64, in constant memory from 65,536 samples up. Raises OptionError for positions outside.
"""

from __future__ import annotations

from ._core import Permutation, philox

__all__ = ["Permutation", "philox"]
