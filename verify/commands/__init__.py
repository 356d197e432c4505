"""``python -m verify``: options, jobs, run folders, replays and reports."""
