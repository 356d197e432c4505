"""This folder compares laws with measured networks, and writes the results as records, tables,
sentences and figures."""
