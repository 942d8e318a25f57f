"""Placeholder docstring, replaced with the package's first slice."""

if __name__ != "penstock.loaders":
    raise ImportError(f"import this package as penstock.loaders, not as {__name__!r}")
