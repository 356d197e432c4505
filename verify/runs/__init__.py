"""Blocks of samples are configured, executed, stored and merged."""
