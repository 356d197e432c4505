"""Exact algebra that knows no network: fields, sums of powers, series, signs, precision."""
