"""Where a loader is: its passes, and the states that it goes on from."""
