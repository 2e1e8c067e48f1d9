"""The change log, and the plan of each commit."""
