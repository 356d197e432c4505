"""The networks that the theory describes: sizes, activations, multipliers and groups of weights."""
