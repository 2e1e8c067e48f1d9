"""Identity: users, roles, scopes, sessions and API keys. Who may do what, and what is recorded about it."""
