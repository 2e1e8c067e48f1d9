"""The tables of identity, as migration 0009 creates them. Their indexes are defined there."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    literal_column,
)

from catalog.adapters.sql.schema.tables import ByCodePoint, UtcTime, metadata

users = Table(
    "users",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("username", ByCodePoint, nullable=False, unique=True),
    Column("role", ByCodePoint, nullable=False),
    Column("disabled", Boolean(), nullable=False),
    Column("password_hash", Text(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("updated_at", UtcTime(), nullable=False),
)

ACTIVE_ADMIN: tuple[ColumnElement[bool], ...] = (literal_column("role = 'admin'"), literal_column("NOT disabled"))
"""The conditions of the partial index on active admins. SQLite uses it only for the same words."""

EVERY_USER = users.c.username > literal_column("''", ByCodePoint)
"""A condition that every user meets. With it, the database reads them through an index."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("user_id", Uuid(), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text(), nullable=False),
    Column("scopes", Text(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("last_used_at", UtcTime(), nullable=False),
    Column("expires_at", UtcTime(), nullable=False),
    Column("address", Text()),
    Column("user_agent", Text()),
    Column("secret_hash", LargeBinary(), unique=True),
    Column("ended_at", UtcTime()),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary(), primary_key=True),
    Column("session_id", Uuid(), ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("parent", LargeBinary()),
    Column("created_at", UtcTime(), nullable=False),
    Column("used_at", UtcTime()),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("user_id", Uuid(), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text(), nullable=False),
    Column("scopes", Text(), nullable=False),
    Column("secret_hash", LargeBinary(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("expires_at", UtcTime()),
    Column("last_used_at", UtcTime()),
)

setup_tokens = Table(
    "setup_tokens",
    metadata,
    Column("token_hash", LargeBinary(), primary_key=True),
    Column("expires_at", UtcTime(), nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", ByCodePoint, primary_key=True),
    Column("private_key", Text(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
)

# One row: the number of the last revocation, and of the last one that was deleted. Every transaction on these tables locks it.
identity_head = Table(
    "identity_head",
    metadata,
    Column("one", Integer(), primary_key=True),
    Column("seq", BigInteger(), nullable=False),
    Column("floor", BigInteger(), nullable=False),
)

THE_IDENTITY_HEAD = identity_head.c.one == literal_column("1")
"""A condition that finds the single row through its index."""

# Ids of sessions and API keys that processes must forget.
revocations = Table(
    "revocations",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Uuid(), nullable=False),
    Column("at", UtcTime(), nullable=False),
)

security_log = Table(
    "security_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("action", ByCodePoint, nullable=False),
    Column("at", UtcTime(), nullable=False),
    Column("result", ByCodePoint, nullable=False),
    Column("actor", ByCodePoint),
    Column("credential", Text()),
    Column("address", ByCodePoint),
    Column("request_id", Text()),
    Column("subject", ByCodePoint),
    Column("detail", Text(), nullable=False),
    Column("count", BigInteger(), nullable=False),
    Column("digest", LargeBinary(), nullable=False),
)

# One row: number and digest of the last entry of the security log, and of the last one that was pruned.
security_head = Table(
    "security_head",
    metadata,
    Column("one", Integer(), primary_key=True),
    Column("seq", BigInteger(), nullable=False),
    Column("digest", LargeBinary(), nullable=False),
    Column("floor", BigInteger(), nullable=False),
    Column("floor_digest", LargeBinary(), nullable=False),
)

THE_SECURITY_HEAD = security_head.c.one == literal_column("1")
"""A condition that finds the single row through its index."""

NO_HEAD = "The tables identity_head and security_head must have one row each; restore them from a backup."
"""The message of SchemaOutdated if one of them is empty."""
