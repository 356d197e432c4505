"""This folder writes the page of a finished run, which loads nothing from elsewhere."""
