"""Delimited text: CSV and TSV, with the quotes and delimiters that real files have."""
