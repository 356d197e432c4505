"""Compiled arithmetic that knows no network: random words, variates, logarithms, streams."""
