"""Pipelines from what other libraries declare."""
