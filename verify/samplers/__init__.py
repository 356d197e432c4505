"""Samplers turn a stream of random numbers into updates of random networks."""
