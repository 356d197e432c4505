"""Formulas as text and LaTeX, and the blocks and steps of a printed derivation."""
