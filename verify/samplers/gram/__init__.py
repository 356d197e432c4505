"""`Gram` draws only norms and inner products of networks."""
