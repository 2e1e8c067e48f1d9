"""Text as the catalog compares it."""
