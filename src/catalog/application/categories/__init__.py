"""Use cases for categories."""
