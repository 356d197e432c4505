"""This folder does the jobs of ``python -m verify``: it makes a run in a folder, resumes it, and
draws a recorded cell again."""
