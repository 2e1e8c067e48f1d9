"""Settings, read from the environment. No other package reads os.environ."""
