"""Placeholder docstring, replaced with the package's first slice."""

if __name__ != "penstock.augment":
    raise ImportError(f"import this package as penstock.augment, not as {__name__!r}")
