"""The domain: items, categories, values, rules and errors. Standard library only; no I/O, no clock, no randomness."""
