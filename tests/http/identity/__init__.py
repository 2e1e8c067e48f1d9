"""Signing in over HTTP, and what callers may do."""
