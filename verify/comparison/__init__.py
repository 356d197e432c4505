"""Laws are compared with measurements: cells, records, tables, sentences and figures."""
