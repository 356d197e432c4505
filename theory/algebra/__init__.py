"""This folder does exact algebra without networks: fields, sums of powers, series, signs."""
