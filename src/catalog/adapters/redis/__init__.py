"""What all replicas share, on Redis or Valkey: the cache, and the counts of requests and failed sign-ins."""
