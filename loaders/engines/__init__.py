"""Who drives executors and feeds batches: native threads, torch's worker processes, or the caller itself."""
