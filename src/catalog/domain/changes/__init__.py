"""The change log, commit plans, and price history."""
