"""Words, the products of traces and forms in which a layer's mean closes, and their layer maps."""
