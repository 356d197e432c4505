"""The modules of this folder describe networks: sizes, activations, multipliers, groups of
weights."""
