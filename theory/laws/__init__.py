"""The modules of this folder hold the means that users compute: updates, readout, spread,
alignment."""
