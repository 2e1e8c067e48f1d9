"""The HTTP entry point: a Litestar application behind our own ASGI middleware."""
