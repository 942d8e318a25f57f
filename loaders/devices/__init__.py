"""From the host to one device, or in slices to several, and back."""
