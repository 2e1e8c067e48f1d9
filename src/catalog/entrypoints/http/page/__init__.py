"""The page: a web page for people, which uses only the public API."""
