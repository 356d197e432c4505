"""This folder writes single formulas, numbers and steps, as text and as LaTeX."""
