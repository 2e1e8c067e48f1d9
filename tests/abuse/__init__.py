"""Tests with hostile or broken clients and clocks."""
