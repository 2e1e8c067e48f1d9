"""`catalog` without the digests of the change log, to measure what they cost: the same rows, with a constant as the digest.

The signal SIGUSR1 makes the process compute them, or leave it again. So one process is measured both ways: two processes of one
program differ by more than the digests cost.
"""

import signal

from catalog.adapters.sql.writes import prepared_rows
from catalog.entrypoints.cli.main import main

_NOTHING = bytes(32)

_other = {
    "change_digest": lambda _row: _NOTHING,
    "entry_content": lambda _seq, _origin, _change: b"",
    "next_digest": lambda _previous, _content: _NOTHING,
}
"""The functions that are not in use."""


def _exchange(*_: object) -> None:
    for name, function in _other.items():
        _other[name] = getattr(prepared_rows, name)
        setattr(prepared_rows, name, function)


if __name__ == "__main__":
    _exchange()
    signal.signal(signal.SIGUSR1, _exchange)
    main()
