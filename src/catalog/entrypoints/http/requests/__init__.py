"""Reading requests: headers, query string, body."""
