"""This folder describes networks: sizes, activations, multipliers, groups of weights."""
