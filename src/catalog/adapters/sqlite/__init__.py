"""Storage in a single SQLite file."""
