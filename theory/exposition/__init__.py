"""This folder writes whole texts: derivations, papers, citations and source code."""
