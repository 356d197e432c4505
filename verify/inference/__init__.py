"""Statistics: means with errors, tests, intervals, fits and verdicts."""
