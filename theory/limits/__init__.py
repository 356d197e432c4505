"""The modules of this folder take limits of exact means: n -> infinity, many layers or blocks, both
at a fixed ratio."""
