"""The query parameters of the audit."""

from typing import Annotated

from msgspec import Meta

from catalog.application.audit.request import ACTIONS, DEFAULT_EVENTS, MAX_EVENTS
from catalog.domain.identity.audit import STREAMS
from catalog.domain.identity.security_log import RESULTS
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.http.requests.query_parameters import Moment

AUDIT = (
    Parameter(
        "stream",
        "Return events of the change log (`catalog`) or of the security log (`security`) only.",
        Annotated[str, Meta(extra_json_schema={"enum": list(STREAMS)})],
    ),
    Parameter("actor", "Return what this user did. What commands did is by `cli`, or `cli:` and a name.", str),
    Parameter("action", "Return events of this action only.", Annotated[str, Meta(extra_json_schema={"enum": list(ACTIONS)})]),
    Parameter("subject", "Return what was done to this SKU, slug, username or id.", str),
    Parameter("result", "Return events with this result only.", Annotated[str, Meta(extra_json_schema={"enum": list(RESULTS)})]),
    Parameter("address", "Return events from this address only.", str),
    Parameter("since", "Return events from this time or day on.", Moment),
    Parameter("until", "Return events before this time or day.", Moment),
    Parameter(
        "limit",
        "Maximum number of events per page.",
        Annotated[int, Meta(ge=1, le=MAX_EVENTS)],
        default=DEFAULT_EVENTS,
        key="audit_limit",
    ),
    Parameter("cursor", "The `next_cursor` of the page before.", str, key="audit_cursor"),
)
