"""Laws beside measurements: cells, tables, figures and records."""
