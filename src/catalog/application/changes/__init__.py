"""Use cases that read the change log."""
