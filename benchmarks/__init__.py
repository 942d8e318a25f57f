"""Throughput suites; `python -m benchmarks.loader` is the first. See README.md beside this file."""
