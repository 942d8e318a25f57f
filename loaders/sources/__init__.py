"""The undecoded records behind whatever dataset a loader is given."""
