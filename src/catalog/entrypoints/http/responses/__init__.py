"""Writing responses."""
