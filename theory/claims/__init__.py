"""This folder decides by theory alone whether a formula is the law that a claim names."""
