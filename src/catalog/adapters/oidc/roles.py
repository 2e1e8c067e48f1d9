"""The roles of users of another issuer: a claim of the token, mapped to our roles."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.domain.identity.roles import USER_ROLES, Role, highest_role


def parse_role_map(text: str) -> dict[str, Role]:
    """Read a JSON object with a role for each value of the claim. Raises: ValueError."""
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or not all(role in USER_ROLES for role in members.values()):
        message = f'The role map must be a JSON object such as {{"staff": "editor"}}, with the roles {", ".join(USER_ROLES)}.'
        raise ValueError(message)
    return members


def role_of(payload: Mapping[str, Any], claim: str, role_map: Mapping[str, Role]) -> Role | None:
    """Return the highest role that a token's claim is mapped to, or None. Only exact values match."""
    return highest_role(role_map[value] for value in _values(_claim(payload, claim)) if value in role_map)


def _claim(payload: Mapping[str, Any], name: str) -> object:
    """Return a claim. Dots in the name separate nested claims (`realm_access.roles`), unless a claim has the whole name."""
    if name in payload:
        return payload[name]
    found: object = payload
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _values(claim: object) -> Iterator[str]:
    for value in claim if isinstance(claim, list) else [claim]:
        if isinstance(value, str):
            yield value
