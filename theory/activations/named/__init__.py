"""Each module of this folder defines one activation: its formula, and its stable evaluation."""
