"""Create the tables of identity: users, sessions, API keys, signing keys, revocations and the security log."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

_TABLES = (
    "security_head",
    "security_log",
    "revocations",
    "identity_head",
    "signing_keys",
    "setup_tokens",
    "api_keys",
    "refresh_tokens",
    "sessions",
    "users",
)


def upgrade() -> None:
    """Create the tables, an index for each lookup, and the rows of the heads."""
    postgres = op.get_bind().dialect.name == "postgresql"
    by_code_point = postgresql.TEXT(collation="C") if postgres else sa.Text()
    time = postgresql.TIMESTAMP(timezone=True) if postgres else sa.BigInteger()
    number = sa.BigInteger() if postgres else sa.Integer()
    _create_users(by_code_point, time)
    _create_sessions(time)
    _create_keys(by_code_point, time)
    _create_revocations(time, number)
    _create_security_log(by_code_point, time, number)


def _create_users(by_code_point: sa.types.TypeEngine[Any], time: sa.types.TypeEngine[Any]) -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("username", by_code_point, nullable=False, unique=True),
        sa.Column("role", by_code_point, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
    )
    active_admin = sa.text("role = 'admin' AND NOT disabled")
    op.create_index("users_active_admins", "users", ["id"], sqlite_where=active_admin, postgresql_where=active_admin)


def _create_sessions(time: sa.types.TypeEngine[Any]) -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("last_used_at", time, nullable=False),
        sa.Column("expires_at", time, nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("user_agent", sa.Text()),
        sa.Column("secret_hash", sa.LargeBinary(), unique=True),
        sa.Column("ended_at", time),
    )
    # With `ended_at`, because a user has few sessions that have not ended, and perhaps many that ended today.
    op.create_index("sessions_user", "sessions", ["user_id", "ended_at", "created_at"])
    op.create_index("sessions_expires_at", "sessions", ["expires_at"])
    ended = sa.text("ended_at IS NOT NULL")
    op.create_index("sessions_ended_at", "sessions", ["ended_at"], sqlite_where=ended, postgresql_where=ended)
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("session_id", sa.Uuid(), sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("parent", sa.LargeBinary()),
        sa.Column("created_at", time, nullable=False),
        sa.Column("used_at", time),
    )
    op.create_index("refresh_tokens_session", "refresh_tokens", ["session_id"])
    op.create_index("refresh_tokens_parent", "refresh_tokens", ["parent"])


def _create_keys(by_code_point: sa.types.TypeEngine[Any], time: sa.types.TypeEngine[Any]) -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("expires_at", time),
        sa.Column("last_used_at", time),
    )
    op.create_index("api_keys_user", "api_keys", ["user_id", "created_at"])
    op.create_index("api_keys_created_at", "api_keys", ["created_at", "id"])
    op.create_table(
        "setup_tokens",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("expires_at", time, nullable=False),
    )
    op.create_index("setup_tokens_expires_at", "setup_tokens", ["expires_at"])
    op.create_table(
        "signing_keys",
        sa.Column("id", by_code_point, primary_key=True),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
    )
    op.create_index("signing_keys_created_at", "signing_keys", ["created_at", "id"])


def _create_revocations(time: sa.types.TypeEngine[Any], number: sa.types.TypeEngine[Any]) -> None:
    head = op.create_table(
        "identity_head",
        sa.Column("one", sa.Integer(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(head, [{"one": 1, "seq": 0, "floor": 0}])
    op.create_table(
        "revocations",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", time, nullable=False),
    )
    op.create_index("revocations_at", "revocations", ["at"])


def _create_security_log(
    by_code_point: sa.types.TypeEngine[Any], time: sa.types.TypeEngine[Any], number: sa.types.TypeEngine[Any]
) -> None:
    op.create_table(
        "security_log",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("action", by_code_point, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("result", by_code_point, nullable=False),
        sa.Column("actor", by_code_point),
        sa.Column("credential", sa.Text()),
        sa.Column("address", by_code_point),
        sa.Column("request_id", sa.Text()),
        sa.Column("subject", by_code_point),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    for column in ("action", "at", "result", "actor", "address", "subject"):
        op.create_index(f"security_log_{column}", "security_log", [column, "seq"])
    head = op.create_table(
        "security_head",
        sa.Column("one", sa.Integer(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("floor_digest", sa.LargeBinary(), nullable=False),
    )
    op.bulk_insert(head, [{"one": 1, "seq": 0, "digest": b"", "floor": 0, "floor_digest": b""}])


def downgrade() -> None:
    """Drop the tables."""
    for table in _TABLES:
        op.drop_table(table)
