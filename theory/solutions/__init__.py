"""Means of observables solved: exactly in numbers, in closed form, and in every limit."""
