"""The activations that have a name, one in each module: the formula, and its stable evaluation."""
