"""This folder averages observables over one layer and derives the layer maps of their words."""
