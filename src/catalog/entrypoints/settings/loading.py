"""Loads the settings.

Sources, lowest priority first: the defaults, `.env`, `.env.{environment}`, the secrets directory, the environment.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, SettingsError

from catalog.entrypoints.settings.env_files import ENCODING, files_in, names_in
from catalog.entrypoints.settings.model import ENVIRONMENTS, PREFIX, Settings
from catalog.entrypoints.settings.problems import (
    InvalidSettings,
    describe_group_problem,
    describe_problem,
    unknown_setting,
    unknown_variables,
)
from catalog.entrypoints.settings.safety import incomplete

SECRETS = "/run/secrets"


def load_settings(folder: Path | None = None) -> Settings:
    """Load the settings, with `.env` files from `folder` (default: the working directory).

    Raises: InvalidSettings, listing every problem.
    """
    directory = folder or Path()
    files = [directory / ".env"]
    names = names_in(files[0])
    environment = (os.environ.get("CATALOG_ENVIRONMENT") or _environment_of(files[0]) or "").strip().lower()
    if environment in ENVIRONMENTS:
        files.append(directory / f".env.{environment}")
        names |= names_in(files[1])
    secrets = os.environ.get("CATALOG_SECRETS_DIR", SECRETS)
    problems = [(name, unknown_setting(name)) for name in unknown_variables({*os.environ, *names, *files_in(secrets)})]
    try:
        settings = Settings(_env_file=files, _env_file_encoding=ENCODING, _secrets_dir=secrets)
    except ValidationError as error:
        all_problems = dict(describe_problem(details) for details in error.errors()) | dict(problems)
        raise InvalidSettings(sorted(all_problems.items())) from None
    except SettingsError as error:
        raise InvalidSettings([describe_group_problem(error), *problems]) from None
    problems += incomplete(settings)
    if problems:
        raise InvalidSettings(problems)
    return settings


def export_to_environment(values: Mapping[str, object]) -> None:
    """Set environment variables, so that worker processes inherit settings given on the command line."""
    os.environ.update({name: str(value) for name, value in values.items()})


def _environment_of(file: Path) -> str | None:
    """Return the environment that a `.env` file sets."""
    source = DotEnvSettingsSource(Settings, env_file=file, env_file_encoding=ENCODING, env_prefix=PREFIX)
    return source.env_vars.get("catalog_environment")
