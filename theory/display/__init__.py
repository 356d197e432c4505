"""This folder lays out tables, and draws curves and marks on Matplotlib axes."""
