"""This folder takes limits of exact means in the sizes: infinite width, many layers or blocks, or
both together."""
