"""`run` takes networks of any activation, norm, bias, branch and optimiser through one step."""
