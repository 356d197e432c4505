"""Jobs of ``python -m verify`` make runs in folders, go on with them, and draw cells again."""
