"""Group commits and the commit itself."""
