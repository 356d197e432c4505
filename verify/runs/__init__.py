"""Blocks of samples: configured, executed, stored and merged."""
