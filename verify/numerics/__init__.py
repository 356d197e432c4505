"""This folder compiles arithmetic without networks: random words, variates, logarithms."""
