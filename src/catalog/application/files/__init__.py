"""Rows in CSV, JSON and JSON Lines files."""
