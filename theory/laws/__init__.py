"""This folder defines the means that users compute: updates, readout, spread, alignment."""
