"""Categories and the tree they form."""
