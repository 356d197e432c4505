"""This folder draws blocks of samples on any executor, stores them, and merges them into
estimates."""
