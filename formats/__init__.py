"""Datasets at rest: containers with `len`, `getitem` and undecoded records."""

if __name__ != "penstock.formats":
    raise ImportError(f"import this package as penstock.formats, not as {__name__!r}")
