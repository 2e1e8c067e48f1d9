"""Who asks for an identity change, and from where: what its events say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from catalog.application.identity.client import Client
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.security_log import Result, SecurityEvent


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal and its client."""

    principal: Principal
    client: Client = Client()  # noqa: RUF009 - immutable

    def event(
        self,
        action: str,
        at: datetime,
        subject: str | None = None,
        detail: Mapping[str, str | int] | None = None,
        result: Result = "success",
    ) -> SecurityEvent:
        """Return the event of something that this caller does."""
        return SecurityEvent(
            action=action,
            at=at,
            result=result,
            actor=self.principal.actor,
            credential=self.principal.credential,
            address=self.client.address,
            request_id=self.client.request_id,
            subject=subject,
            detail=detail or {},
        )
