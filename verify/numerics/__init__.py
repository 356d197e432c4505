"""This folder compiles arithmetic that knows no network: random words, variates, logarithms."""
