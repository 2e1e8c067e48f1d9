"""The use cases: read, let the domain decide, commit."""
