"""This folder runs the jobs of python -m verify: a new run, a resumed run, or the replay of a
recorded cell."""
