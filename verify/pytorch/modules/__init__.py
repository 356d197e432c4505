"""These modules read a PyTorch module as the theory's network, or refuse it with a reason."""
