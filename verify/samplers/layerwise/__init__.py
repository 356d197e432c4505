"""One step of networks of any activation, with biases, norms and optimisers, part by part."""
