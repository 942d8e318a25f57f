"""What the random numbers of a sample depend on, and where they come from, batch by batch."""
