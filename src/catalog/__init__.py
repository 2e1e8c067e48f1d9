"""Catalog: the items a company sells or lends, kept behind one domain and served over REST and a command line."""

__version__ = "0.1.0"
