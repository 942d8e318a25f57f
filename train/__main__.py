"""`python -m penstock.train`, and `torchrun ... -m penstock.train` for one process per device."""

from __future__ import annotations

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
