"""Networks as n goes to infinity: recursions of a few numbers for each layer, and their laws in the
depth."""
