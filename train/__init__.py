"""Placeholder docstring, replaced with the package's first slice."""

if __name__ != "penstock.train":
    raise ImportError(f"import this package as penstock.train, not as {__name__!r}")
