"""This folder takes limits of exact means: infinite width, many layers or blocks, or both at a
fixed ratio."""
