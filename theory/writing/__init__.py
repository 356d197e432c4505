"""The modules of this folder write formulas as text and LaTeX, and the steps of a derivation."""
