"""Lists of items: filters, sort order, pages and facets."""
