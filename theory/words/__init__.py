"""The modules of this folder derive words, in which a layer's mean closes, and their layer maps."""
