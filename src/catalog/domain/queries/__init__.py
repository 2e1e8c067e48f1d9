"""List requests: filters, order, pages and facets."""
