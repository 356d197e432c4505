"""The modules of this folder derive learning rates as bounds over laws, their validity and
transfer."""
