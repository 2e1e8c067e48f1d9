"""Route handlers, one module for each resource."""
