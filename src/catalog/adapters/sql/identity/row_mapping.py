"""Maps users, sessions, tokens, keys and entries of the security log to rows and back. Stored values are not checked again."""

from collections.abc import Sequence
from typing import Any

import msgspec

from catalog.adapters.sql.identity.tables import api_keys, refresh_tokens, security_log, sessions, signing_keys, users
from catalog.adapters.sql.log_chain import as_bytes
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent
from catalog.domain.identity.session import PresentedToken, RefreshToken, Session
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User

USER_COLUMNS = tuple(users.c)
SESSION_COLUMNS = tuple(sessions.c)
TOKEN_COLUMNS = tuple(refresh_tokens.c)
KEY_COLUMNS = tuple(api_keys.c)
SIGNING_KEY_COLUMNS = tuple(signing_keys.c)
ENTRY_COLUMNS = (*tuple(security_log.c)[:-1], as_bytes(security_log.c.digest))

USER_ROW = tuple(column.name for column in USER_COLUMNS)
SESSION_ROW = tuple(column.name for column in SESSION_COLUMNS)
TOKEN_ROW = tuple(column.name for column in TOKEN_COLUMNS)
KEY_ROW = tuple(column.name for column in KEY_COLUMNS)
SIGNING_KEY_ROW = tuple(column.name for column in SIGNING_KEY_COLUMNS)
ENTRY_ROW = tuple(column.name for column in security_log.c)

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_detail = msgspec.json.Decoder(dict[str, str | int]).decode


def from_user(user: User) -> tuple[Any, ...]:
    """Return the row of a user."""
    return (
        user.id,
        user.username,
        user.role,
        user.disabled,
        user.password_hash,
        user.version,
        user.created_at,
        user.updated_at,
    )


def to_user(row: Sequence[Any]) -> User:
    """Read a user from a row of USER_COLUMNS."""
    user_id, username, role, disabled, password_hash, version, created_at, updated_at = row
    return User(
        id=user_id,
        username=username,
        role=role,
        disabled=disabled,
        password_hash=password_hash,
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


def from_session(session: Session) -> tuple[Any, ...]:
    """Return the row of a session."""
    return (
        session.id,
        session.user_id,
        session.kind,
        _from_scopes(session.scopes),
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.address,
        session.user_agent,
        session.secret_hash,
        session.ended_at,
    )


def to_session(row: Sequence[Any]) -> Session:
    """Read a session from a row of SESSION_COLUMNS."""
    session_id, user_id, kind, scopes, created_at, last_used_at, expires_at, address, user_agent, secret_hash, ended_at = row
    return Session(
        id=session_id,
        user_id=user_id,
        kind=kind,
        scopes=frozenset(scopes.split()),
        created_at=created_at,
        last_used_at=last_used_at,
        expires_at=expires_at,
        address=address,
        user_agent=user_agent,
        secret_hash=secret_hash,
        ended_at=ended_at,
    )


def from_token(token: RefreshToken) -> tuple[Any, ...]:
    """Return the row of a refresh token."""
    return token.token_hash, token.session_id, token.parent, token.created_at, token.used_at


def to_presented_token(row: Sequence[Any]) -> PresentedToken:
    """Read a token from a row of TOKEN_COLUMNS, SESSION_COLUMNS, USER_COLUMNS, whether a successor was used, unused tokens."""
    token_end = len(TOKEN_COLUMNS)
    session_end = token_end + len(SESSION_COLUMNS)
    token_hash, session_id, parent, created_at, used_at = row[:token_end]
    token = RefreshToken(token_hash=token_hash, session_id=session_id, parent=parent, created_at=created_at, used_at=used_at)
    return PresentedToken(token, to_session(row[token_end:session_end]), to_user(row[session_end:-2]), row[-2], row[-1])


def from_key(key: ApiKey) -> tuple[Any, ...]:
    """Return the row of an API key."""
    return (
        key.id,
        key.user_id,
        key.name,
        _from_scopes(key.scopes),
        key.secret_hash,
        key.created_at,
        key.expires_at,
        key.last_used_at,
    )


def to_key(row: Sequence[Any]) -> ApiKey:
    """Read an API key from a row of KEY_COLUMNS."""
    key_id, user_id, name, scopes, secret_hash, created_at, expires_at, last_used_at = row
    return ApiKey(
        id=key_id,
        user_id=user_id,
        name=name,
        scopes=frozenset(scopes.split()),
        secret_hash=secret_hash,
        created_at=created_at,
        expires_at=expires_at,
        last_used_at=last_used_at,
    )


def from_signing_key(key: StoredSigningKey) -> tuple[Any, ...]:
    """Return the row of a signing key."""
    return key.id, key.private_key, key.created_at


def to_signing_key(row: Sequence[Any]) -> StoredSigningKey:
    """Read a signing key from a row of SIGNING_KEY_COLUMNS."""
    return StoredSigningKey(*row)


def from_entry(entry: SecurityEntry) -> tuple[Any, ...]:
    """Return the row of an entry of the security log."""
    event = entry.event
    return (
        entry.seq,
        event.action,
        event.at,
        event.result,
        event.actor,
        event.credential,
        event.address,
        event.request_id,
        event.subject,
        _encode(dict(event.detail)).decode(),
        event.count,
        entry.digest,
    )


def to_entry(row: Sequence[Any]) -> SecurityEntry:
    """Read an entry of the security log from a row of ENTRY_COLUMNS.

    An altered row may contain anything; then its digest does not match, which is for `verify` to find.
    """
    seq, action, at, result, actor, credential, address, request_id, subject, detail, count, digest = row
    event = SecurityEvent(
        action=action,
        at=at,
        result=result,
        actor=actor,
        credential=credential,
        address=address,
        request_id=request_id,
        subject=subject,
        detail=_to_detail(detail),
        count=count,
    )
    return SecurityEntry(seq, event, digest)


def _to_detail(text: str) -> dict[str, str | int]:
    try:
        return _decode_detail(text)
    except msgspec.MsgspecError:
        return {"unreadable": text}


def _from_scopes(scopes: frozenset[str]) -> str:
    return " ".join(sorted(scopes))
