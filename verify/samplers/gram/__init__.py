"""`Gram` draws only the norms and inner products of the vectors of networks."""
