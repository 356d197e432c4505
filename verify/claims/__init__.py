"""This folder compares a user's formula with simulated networks, and adds the theory's decision."""
