"""The writer and the commit."""
