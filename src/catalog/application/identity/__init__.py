"""The use cases of identity: signing in and out, users, API keys, and recognizing who sends a request."""
