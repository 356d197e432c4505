"""This folder draws random networks and computes their updates."""
