"""The migrations, which all SQL stores share."""
