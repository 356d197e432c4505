"""This folder parses a user's formula at bounded cost, evaluates it, and finds its normal form."""
