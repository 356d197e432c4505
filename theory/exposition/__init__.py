"""The modules of this folder write derivations, papers, citations and source code."""
