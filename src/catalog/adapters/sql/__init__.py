"""What the SQL stores share: tables, rows, queries, the commit and the migrations, on SQLAlchemy Core."""
