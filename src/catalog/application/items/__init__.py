"""Use cases for items and lists of items."""
