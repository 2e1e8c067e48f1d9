"""What callers may send to do harm."""
