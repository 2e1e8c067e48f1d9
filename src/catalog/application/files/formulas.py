"""Formulas in CSV: cells that a spreadsheet would calculate are escaped with an apostrophe."""

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "'")
"""Cells that start with these are escaped, because spreadsheets run them as formulas or drop the apostrophe."""

_ESCAPED_PREFIXES = tuple(f"'{prefix}" for prefix in FORMULA_PREFIXES)


def escape_formula(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula, or that starts with an apostrophe."""
    return f"'{cell}" if cell.startswith(FORMULA_PREFIXES) else cell


def unescape_formula(cell: str) -> str:
    """Remove the apostrophe that `escape_formula` adds."""
    return cell[1:] if cell.startswith(_ESCAPED_PREFIXES) else cell
