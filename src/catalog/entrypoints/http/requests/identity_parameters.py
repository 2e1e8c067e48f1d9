"""The parameters of users, sessions and API keys."""

from typing import Annotated

from msgspec import Meta

from catalog.application.identity.users import MAX_PAGE
from catalog.domain.errors import FieldError, InvalidQuery
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.http.requests.query_string import Choices

DEFAULT_PAGE = 50
"""Users in a page, unless `limit` says otherwise."""

_MAX_DIGITS = 9

SEARCH = Parameter("q", "Return users whose name contains this text.", str, key="user_q")
PAGE_SIZE = Parameter(
    "limit", "Maximum number of users per page.", Annotated[int, Meta(ge=1, le=MAX_PAGE)], default=DEFAULT_PAGE, key="user_limit"
)
CURSOR = Parameter("cursor", "The `next_cursor` of the page before.", str, key="user_cursor")
OWNER = Parameter("user", "Return the API keys of this user: the id or name. Only for admins.", str, key="key_owner")

USERS = (SEARCH, PAGE_SIZE, CURSOR)


def page_size(choices: Choices) -> int:
    """Return the number of users in a page. Raises: InvalidQuery."""
    text = choices.text(PAGE_SIZE)
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and 1 <= int(text) <= MAX_PAGE:
        return int(text)
    raise InvalidQuery([FieldError((PAGE_SIZE.name,), "invalid_limit", f"Parameter limit must be 1 to {MAX_PAGE}.")])
