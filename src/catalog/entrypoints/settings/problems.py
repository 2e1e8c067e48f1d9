"""Invalid settings, and the messages that say what to do."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic_settings import SettingsError

from catalog.entrypoints.settings.model import PREFIX, all_settings, variable_name

RENAMED = {
    "CATALOG_STORAGE__DEADLINE_SECONDS": "CATALOG_STORAGE__TIMEOUT_SECONDS",
    "CATALOG_STORAGE__QUEUE": "CATALOG_STORAGE__MAX_PENDING_WRITES",
    "CATALOG_HTTP__READ_SECONDS": "CATALOG_HTTP__READ_TIMEOUT_SECONDS",
    "CATALOG_HTTP__SEND_SECONDS": "CATALOG_HTTP__SEND_TIMEOUT_SECONDS",
    "CATALOG_HTTP__FINISH_SECONDS": "CATALOG_HTTP__SHUTDOWN_TIMEOUT_SECONDS",
    "CATALOG_CHANGES__KEEP_DAYS": "CATALOG_CHANGES__RETENTION_DAYS",
}
"""Former names of settings, and their names today."""

_FIELD_NAME = re.compile(r'[^"]*"(\w+)"')

_MESSAGES = {
    "int_parsing": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "int_parsing_size": "The number is too large.",
    "float_parsing": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "bool_parsing": "Must be true or false.",
    "greater_than": "Must be greater than {gt:g}.",
    "greater_than_equal": "Must be at least {ge:g}.",
    "less_than": "Must be less than {lt:g}.",
    "less_than_equal": "Must be at most {le:g}.",
    "model_type": "This is a group of settings. Set its members instead, such as {example}.",
}
"""Messages by pydantic's error type."""


class InvalidSettings(Exception):
    """One or more settings are invalid; `problems` lists all of them as (variable, message)."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        """Store the problems."""
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{variable}: {message}" for variable, message in self.problems))


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return the variables that look like settings but do not exist: most likely typos."""
    known = {*all_settings(), "CATALOG_SECRETS_DIR"}
    return sorted({name.upper() for name in names if name.upper().startswith(PREFIX) and "__" in name} - known)


def describe_problem(error: Any) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return the invalid variable and a message. The message omits the value, which may be a secret."""
    error_type, variable, context = error["type"], variable_name(error["loc"]), error.get("ctx", {})
    if error_type == "extra_forbidden":
        return variable, unknown_setting(variable)
    if error_type == "literal_error":
        return variable, f"Must be one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}."
    if error_type in _MESSAGES:
        return variable, _MESSAGES[error_type].format(**context, example=_example(variable))
    return variable, str(error["msg"]).removeprefix("Value error, ")


def describe_group_problem(error: SettingsError) -> tuple[str, str]:
    """Return the group of settings that was set as one variable, and a message."""
    match = _FIELD_NAME.match(str(error))
    variable = variable_name([match[1]]) if match else "settings"
    return variable, _MESSAGES["model_type"].format(example=_example(variable))


def _example(group: str) -> str:
    """Return one variable of the group."""
    return next((name for name in all_settings() if name.startswith(f"{group}__")), "CATALOG_STORAGE__URL")


def unknown_setting(variable: str) -> str:
    """Return the message for an unknown variable: its new name if it was renamed, else the closest match if there is one."""
    if variable in RENAMED:
        return f"This setting was renamed. Use {RENAMED[variable]}."
    matches = get_close_matches(variable, all_settings(), n=1, cutoff=0.8)
    return f"Unknown setting. Did you mean {matches[0]}?" if matches else "Unknown setting. See .env.example for all settings."
