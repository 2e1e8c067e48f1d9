"""Code that the SQL stores share: tables, row mapping, queries, commits and migrations, on SQLAlchemy Core."""
