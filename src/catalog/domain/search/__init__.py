"""Full-text search: index terms, ranking, highlights and suggestions."""
