"""The public names of the facade, and the module that each lives in."""

from __future__ import annotations

MODULES = ("augment", "errors", "formats", "loaders", "record", "rng", "train")
"""Public modules of the package."""

NAMES = {
    "Arrays": "formats",
    "Augmented": "loaders",
    "CSV": "formats",
    "CenterCrop": "augment",
    "Codec": "record",
    "Concat": "formats",
    "DataLoader": "loaders",
    "Folder": "formats",
    "LMDB": "formats",
    "Normalize": "augment",
    "Pack": "formats",
    "Pad": "augment",
    "PenstockError": "errors",
    "Pipeline": "augment",
    "RandomCrop": "augment",
    "RandomHorizontalFlip": "augment",
    "RandomResizedCrop": "augment",
    "RandomVerticalFlip": "augment",
    "RecordError": "errors",
    "Records": "record",
    "Resize": "augment",
    "Subset": "formats",
    "ToDtype": "augment",
    "gather": "loaders",
    "open_dataset": "formats",
    "scatter": "loaders",
    "split": "formats",
}
"""Name -> the module of `penstock` that it is loaded from."""
