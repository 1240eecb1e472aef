"""The way out of a box."""
