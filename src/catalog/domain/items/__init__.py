"""The item and its attributes."""
