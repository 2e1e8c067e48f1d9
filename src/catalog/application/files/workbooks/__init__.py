"""Workbooks: .xlsx and .ods."""
