"""This folder defines the values that users hold at the prompt: derived means, with their
numbers, arrays and texts."""
