"""Users, sessions, API keys and the security log in a SQL database."""
