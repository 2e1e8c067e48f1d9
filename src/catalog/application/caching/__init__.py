"""Cached answers, and when they are still valid."""
