"""Literal networks, every weight drawn."""
