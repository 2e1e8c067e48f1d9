"""One history of the schema, for every SQL store."""
