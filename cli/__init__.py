"""The commands `pack-dataset` and `penstock`: parse, call the library, print."""

if __name__ != "penstock.cli":
    raise ImportError(f"import this package as penstock.cli, not as {__name__!r}")
