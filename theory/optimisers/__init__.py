"""Optimisers of the first step as n goes to infinity, each with its own part of a layer's step."""
