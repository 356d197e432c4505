"""Derivations, papers, citations and source code, written from laws and rates."""
