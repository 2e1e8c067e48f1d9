"""What a request says to sign in: username, password, and perhaps scopes; as JSON, or as the form of OAuth 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from catalog.domain.errors import FieldError, InvalidInput, shorten
from catalog.domain.identity.scopes import Scopes, parse_scopes
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.requests.bodies import JSON, parse_object, read_bytes, refuse_other_types
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.requests.headers import header

FORM: Final = "application/x-www-form-urlencoded"

_MAX_FORM_FIELDS = 20

_FIELDS = ("username", "password", "scopes")
_IGNORED = ("client_id", "client_secret")
"""Fields of OAuth 2 that Swagger UI sends. There are no clients with secrets."""


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """A username, a password, and the scopes that are asked for."""

    username: str
    password: str = field(repr=False)
    scopes: Scopes | None = None


async def read_sign_in(request: AnyRequest) -> SignInRequest:
    """Read JSON or a form. Raises: InvalidInput, Malformed; an HTTPException with 400, 408, 413 or 415."""
    refuse_other_types(request.scope, (JSON, FORM))
    is_form = (header(request.scope, b"content-type") or "").partition(";")[0].strip().lower() == FORM
    body = await read_bytes(request, JSON, FORM)
    fields = _form_fields(body) if is_form else parse_object(body)
    errors = FieldErrors()
    texts = read_texts(fields, ("username", "password"), _FIELDS, errors)
    scopes = None if fields.get("scopes") is None else parse_scopes(fields["scopes"], errors)
    errors.raise_if_any()
    return SignInRequest(texts["username"], texts["password"], scopes)


def read_texts(
    fields: Mapping[str, object], required: Sequence[str], allowed: Sequence[str], errors: FieldErrors
) -> dict[str, str]:
    """Return the required fields, which are texts; no message quotes them. Records an error for each other one not allowed."""
    for name in fields:
        if name not in allowed:
            message = f"Unknown field {shorten(name)}."
            errors.add_unknown((name,), "unknown_field", message, allowed, f"Allowed fields: {', '.join(allowed)}.")
    texts = {}
    for name in required:
        value = fields.get(name)
        if isinstance(value, str):
            texts[name] = value
        else:
            errors.add((name,), "required" if value is None else "wrong_type", f"The {name} must be a string.")
    return texts


def _form_fields(body: bytes) -> dict[str, object]:
    """Return the fields of a form. Raises: InvalidInput."""
    if body.lstrip().startswith((b"{", b"[", b'"')):
        # curl calls every body a form. As one, the JSON would be the name of an unknown field, which the error would quote.
        message = f"The body is JSON, but the Content-Type is that of a form. With curl: -H 'Content-Type: {JSON}'."
        raise InvalidInput([FieldError((), "invalid_form", message)])
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_MAX_FORM_FIELDS
        )
    except ValueError:
        message = f"The form cannot be read: it must be percent-encoded UTF-8, with up to {_MAX_FORM_FIELDS} fields."
        raise InvalidInput([FieldError((), "invalid_form", message)]) from None
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidInput([FieldError((name,), "repeated_field", f"The field {shorten(name)} is repeated; send it once.")])
        fields[name] = value
    if fields.pop("grant_type", "password") != "password":
        raise InvalidInput([FieldError(("grant_type",), "unsupported_grant_type", "The grant_type must be password.")])
    for name in _IGNORED:
        fields.pop(name, None)
    scope = str(fields.pop("scope", ""))
    return fields | ({"scopes": scope.split()} if scope else {})
