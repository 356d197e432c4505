"""Means with parts that users ask for: updates, readout, spread, alignment."""
