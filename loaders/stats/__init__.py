"""What a pass measures, what bounds it, and how that is told."""
