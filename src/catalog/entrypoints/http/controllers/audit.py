"""`/audit`: who did what, from the change log and the security log."""

from litestar import Controller, get

from catalog.application.audit.audit import Audit
from catalog.application.audit.request import AuditRequest
from catalog.domain.identity.scopes import AUDIT_READ
from catalog.entrypoints.http.openapi.operation import Operation, documented, json_response
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.audit_parameters import AUDIT
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.requests.query_string import read_parameters
from catalog.entrypoints.http.responses.prepared import PreparedResponse, secret_content
from catalog.entrypoints.representations.audit import AuditBody, encode_audit


class AuditController(Controller):
    """Endpoint for the audit."""

    path = "/api/v1/audit"
    tags = ("log",)
    audit: Audit

    @get(
        opt=documented(
            Operation(
                "list_audit_events",
                "List what was done, and by whom",
                requires(AUDIT_READ),
                parameters=AUDIT,
                responses=(json_response(200, "A page of the audit", AuditBody),),
            )
        )
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return events of the change log (`catalog`) and of the security log (`security`) together, newest first.

        Pass `next_cursor` as `cursor` to get the next page. A page may have few events or none although there are more, because
        only a part of the change log is searched for a page.
        """
        parameters, errors = read_parameters(request.scope)
        audit_request = AuditRequest.parse({name: values[0] for name, values in parameters.items()}, errors)
        return PreparedResponse(200, secret_content(encode_audit(await self.audit.page(audit_request))))
