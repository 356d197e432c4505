"""A user's own formula, held against theory and against networks."""

__all__: list[str] = []
