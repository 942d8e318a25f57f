"""Placeholder docstring, replaced with the package's first slice."""

if __name__ != "penstock.cli":
    raise ImportError(f"import this package as penstock.cli, not as {__name__!r}")
