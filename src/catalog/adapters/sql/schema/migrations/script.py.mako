"""${message.replace("_", " ").capitalize()}."""

from alembic import op

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Take the step."""


def downgrade() -> None:
    """Take it back."""
