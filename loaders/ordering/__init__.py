"""Which samples come when: the order of an epoch, as a function of (seed, epoch, position)."""
