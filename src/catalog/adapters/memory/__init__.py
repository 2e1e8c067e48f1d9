"""In-memory storage and cache, for tests, trials and catalogs that need no durability."""
