"""The client that sends a request, as the security log records it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """From where a request comes, what the program calls itself, and the id of the request."""

    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
