"""One small adapter for each loader that is compared, ours among them; each runs in an environment of its own."""
