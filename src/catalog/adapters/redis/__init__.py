"""The cache that replicas share, in Redis or Valkey."""
