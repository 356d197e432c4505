"""A user's formula: parsed at bounded cost, evaluated, and brought into normal forms."""
