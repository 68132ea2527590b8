"""Ray, as an extra."""
