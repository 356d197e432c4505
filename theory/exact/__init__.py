"""The modules of this folder solve a mean exactly: the recursion through the cells at numbers, and
the closed form in the depth."""
