"""Writing responses: bodies, streams, compression, problems."""
