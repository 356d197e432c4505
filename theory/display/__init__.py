"""Tables as aligned text, HTML and LaTeX, and curves and marks on Matplotlib axes."""
