"""The catalog over HTTP: Litestar inside, one layer of our own around it."""
