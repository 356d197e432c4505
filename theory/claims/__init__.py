"""Whether a formula is the law that a claim names, decided by theory alone."""
