"""This folder computes exact means: by recursion over the layers at given sizes, or in closed
form in the depth."""
