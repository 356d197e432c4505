"""The modules of this folder are the values that a prompt holds: a derived mean and what is made of
means, their numbers, arrays and texts."""
