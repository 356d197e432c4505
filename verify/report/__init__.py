"""A finished run becomes one self-contained page."""
