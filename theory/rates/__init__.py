"""Learning rates as bounds over laws, their validity and their transfer."""
