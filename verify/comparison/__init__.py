"""This folder compares laws with measured means, and writes records, tables and figures of the
result."""
