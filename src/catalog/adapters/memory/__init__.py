"""A store in this process: for tests, trials and catalogs that need not last."""
