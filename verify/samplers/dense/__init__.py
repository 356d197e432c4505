"""`Dense` draws every weight of literal networks."""
