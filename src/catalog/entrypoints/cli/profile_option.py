"""The option --profile of imports and exports."""

from pathlib import Path
from typing import Any


def load_profile_option(name: str | None) -> Any:  # noqa: ANN401 - a Profile
    """Return a profile by its name, or from the user's file. None if the option is not given."""
    from catalog.application.imports.profiles import NAMES, load_profile, load_profile_file  # noqa: PLC0415 - keeps --help fast

    if name is None:
        return None
    return load_profile(name) if name in NAMES or not Path(name).exists() else load_profile_file(Path(name))
