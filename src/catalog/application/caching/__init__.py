"""Cached responses, and the rule that decides whether they are still valid."""
