"""Augmentations as a command line names them: presets, and files."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import OptionError, SpecError
from .pipeline import Pipeline
from .presets import PRESETS
from .views import Augmentation, Views

__all__ = ["named_augmentation"]


def named_augmentation(name: str) -> Augmentation:
    """What `--augment PRESET|FILE` means: a preset (with - or _), or a file of `Pipeline.to_json` or `Views.to_json`.

    Raises:
        OptionError: it is neither.
        SpecError: the file holds something else; the message names it.
    """
    preset = PRESETS.get(name.replace("-", "_"))
    if preset is not None:
        return preset()
    file = Path(name)
    if not file.is_file():
        known = ", ".join(sorted(PRESETS))
        raise OptionError(
            f"--augment {name} is no file and no preset; give a file of Pipeline.to_json(), or of {known}"
        )
    try:
        text = file.read_text("utf-8")
        return Views.from_json(text) if _tells_views(text) else Pipeline.from_json(text)
    except UnicodeDecodeError as error:
        raise SpecError(f"{name} is no text: {error}; write it with Pipeline.to_json()") from error
    except SpecError as error:
        raise SpecError(f"{name}: {error}") from error


def _tells_views(text: str) -> bool:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False  # who reads it as a pipeline says what is wrong
    return isinstance(data, dict) and "views" in data
