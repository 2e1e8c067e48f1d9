"""Endpoints for signing in, and for users, sessions and API keys."""
