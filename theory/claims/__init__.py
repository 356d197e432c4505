"""This folder decides, from the theory alone, whether a user's formula equals the law."""
