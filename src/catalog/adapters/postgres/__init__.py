"""Storage on PostgreSQL."""
