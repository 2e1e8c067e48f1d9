"""Passwords hashed with Argon2."""
