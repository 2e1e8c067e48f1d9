"""The audit: who did what, and whether the record of it was altered."""
