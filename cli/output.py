"""Where a command may write a picture."""

from __future__ import annotations

import os

from ..errors import OptionError

__all__ = ["check_output"]


def check_output(output: str) -> None:
    """OptionError, before anything is done, for a file that could not be written after it."""
    folder = os.path.dirname(os.path.abspath(output))
    if os.path.isdir(output) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OptionError(f"--output {output} can't be written: name a PNG file in a folder that you may write")
