"""Passwords that are easy to guess, as zxcvbn sees it."""
