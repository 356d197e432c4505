"""The modules of this folder hold the means that users ask for: updates, readout, spread,
alignment."""
