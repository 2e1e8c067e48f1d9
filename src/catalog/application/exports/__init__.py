"""Exporting items to files."""
