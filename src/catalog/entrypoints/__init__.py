"""The driving side: where requests and commands come in, and where everything is put together."""
