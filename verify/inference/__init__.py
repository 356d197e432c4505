"""This folder turns samples into means with errors, tests, intervals, fits and verdicts."""
