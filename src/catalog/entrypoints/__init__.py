"""Inbound adapters (HTTP and command line), settings and dependency wiring."""
