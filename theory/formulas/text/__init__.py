"""The modules of this folder turn the text of a formula into factors, sums and refusals."""
