"""Value types: money, decimal literals, timestamps, and the fields that describe an item."""
