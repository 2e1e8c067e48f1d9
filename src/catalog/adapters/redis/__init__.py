"""The shared cache, on Redis or Valkey."""
