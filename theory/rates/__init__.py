"""This folder derives learning rates from bounds on the laws, with their range of validity and
their transfer."""
