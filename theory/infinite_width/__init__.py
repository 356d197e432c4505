"""This folder follows any activation and optimiser as n goes to infinity: recursions over layers,
and laws in the depth."""
