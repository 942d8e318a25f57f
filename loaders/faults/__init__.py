"""Samples that can't be made: named, counted, logged, skipped or replaced."""
