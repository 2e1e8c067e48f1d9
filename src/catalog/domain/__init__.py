"""What a catalog is: items, values, rules and errors. Standard library only; no I/O, no clock, no randomness."""
