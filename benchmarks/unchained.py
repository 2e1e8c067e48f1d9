"""`catalog` without the digests of the change log, to measure what they cost: the same rows, with a constant as the digest."""

from catalog.adapters.sql.writes import prepared_rows
from catalog.entrypoints.cli.main import main

_NOTHING = bytes(32)

if __name__ == "__main__":
    stubs = {
        "change_digest": lambda _row: _NOTHING,
        "entry_content": lambda _seq, _origin, _change: b"",
        "next_digest": lambda _previous, _content: _NOTHING,
    }
    for name, stub in stubs.items():
        setattr(prepared_rows, name, stub)
    main()
