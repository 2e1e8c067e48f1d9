"""Users of another issuer who have no role here: what they get, and who they are according to the security log."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.domain.identity.audit import AuditFilter
from tests.http.identity.making import AUTH, Service, serving
from tests.http.making import ITEMS
from tests.unit.adapters.forging import OMITTED
from tests.unit.adapters.oidc.issuer import AUDIENCE, ROLE_MAP, Issuer
from tests.unit.adapters.oidc.keys import ED_KEY, jwk


def token_of(issuer: Issuer, **claims: object) -> dict[str, str]:
    """Return the header with a token that is valid now."""
    now = datetime.now(UTC)
    times = {"iat": now.timestamp(), "nbf": now.timestamp(), "exp": (now + timedelta(minutes=5)).timestamp()}
    return {"Authorization": f"Bearer {issuer.token('EdDSA', ED_KEY, 'ed', **times, **claims)}"}


async def denials(service: Service) -> list[dict[str, Any]]:
    """Return who was refused what, the oldest first."""
    await service.container.security_events().write(everything=True)
    found = await service.container.identity_storage().security_entries(AuditFilter(action="access.denied"), before=None, limit=9)
    return [
        {"actor": entry.event.actor, "credential": entry.event.credential, "result": entry.event.result, **entry.event.detail}
        for entry in reversed(found)
    ]


async def test_who_has_no_role_is_recorded(store_url: str) -> None:
    """With issuer, subject and kind of credential, as those are who have one and lack a right."""
    async with Issuer(jwk(ED_KEY, kid="ed")) as issuer:
        oidc = {"issuer": issuer.url, "audience": AUDIENCE, "role_map": json.dumps(ROLE_MAP)}
        async with serving(store_url, identity={"oidc": oidc}) as service, service.client() as client:
            nobody = await client.get(ITEMS, headers=token_of(issuer, sub="eve", roles=OMITTED))
            assert (nobody.status_code, nobody.json()["code"]) == (403, "forbidden")
            assert "no role" in nobody.json()["detail"]
            assert issuer.url not in nobody.text
            staff = token_of(issuer, sub="ada", roles=["staff"])
            assert (await client.get(f"{AUTH}/me", headers=staff)).json()["username"] == f"{issuer.url}|ada"
            assert (await client.get("/api/v1/users", headers=staff)).status_code == 403
            forged = token_of(issuer, sub="\x00mallory", roles=OMITTED)
            assert (await client.get(ITEMS, headers=forged)).status_code == 401

            recorded = await denials(service)
    who = {"credential": "oidc", "result": "denied", "method": "GET"}
    assert recorded == [
        who | {"actor": f"{issuer.url}|eve", "code": "forbidden"},
        who
        | {
            "actor": f"{issuer.url}|ada",
            "code": "insufficient_scope",
            "required": "users:admin",
            "route": "/api/v1/users",
        },
    ]
