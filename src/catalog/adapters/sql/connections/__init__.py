"""Connection pooling and the log-head watcher."""
