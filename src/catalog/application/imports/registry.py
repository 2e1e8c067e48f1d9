"""The imports in progress in this process, and the limits on their number."""

from collections.abc import Iterator
from contextlib import contextmanager

from catalog.application.imports.progress import ImportState
from catalog.application.imports.slots import Slots
from catalog.domain.errors import ImportsBusy

MAX_CONCURRENT = 2
"""Imports that a process runs at the same time. Others wait."""

MAX_IMPORTS = 20
"""Maximum imports in progress in a process, including those that wait."""

MAX_RECEIVING = 100
"""Maximum concurrent file uploads in a process."""


class ImportRegistry:
    """Knows the imports in progress. `states` has their current states by id; `slots` are held by those that run."""

    def __init__(self) -> None:
        """Start without imports."""
        self.states: dict[str, ImportState] = {}
        self.slots = Slots(MAX_CONCURRENT, f"{MAX_CONCURRENT} imports are already running; try again when one is finished.")
        self._receiving = 0

    def check_capacity(self) -> None:
        """Check that fewer than MAX_IMPORTS are in progress.

        Raises: ImportsBusy.
        """
        if len(self.states) >= MAX_IMPORTS:
            message = f"{MAX_IMPORTS} imports are already in progress; try again when one is finished."
            raise ImportsBusy(message)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Reserve an upload slot.

        Raises: ImportsBusy if too many uploads or imports are in progress.
        """
        self.check_capacity()
        if self._receiving >= MAX_RECEIVING:
            message = f"{MAX_RECEIVING} import files are already being uploaded; try again when one is complete."
            raise ImportsBusy(message)
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1
