"""Secrets in requests stand neither in the response nor in the log, whatever is wrong with the request."""

import json
from collections.abc import Mapping
from urllib.parse import quote

import httpx
import pytest

from catalog.application.audit.audit import Audit
from catalog.application.audit.request import AuditRequest
from catalog.entrypoints.log_config import configure
from catalog.entrypoints.representations.audit import encode_audit
from catalog.entrypoints.settings.sections import LogSettings
from tests.http.identity.making import AUTH, SAME_ORIGIN, Service
from tests.planted_secrets import MARK, PASSWORD, planted

SECRET = planted("secret")
BEARER = f"Bearer eyJhbGciOiJFZERTQSJ9.{MARK}.{MARK}"
BODIES: Mapping[str, Mapping[str, object]] = {
    f"POST {AUTH}/token": {"username": "nobody", "password": SECRET},
    f"POST {AUTH}/refresh": {"refresh_token": SECRET},
    f"POST {AUTH}/session": {"username": "nobody", "password": SECRET},
    f"POST {AUTH}/setup": {"token": SECRET, "username": "anna", "password": SECRET},
    f"POST {AUTH}/me/password": {"current": SECRET, "new": planted("other")},
    "POST /api/v1/users": {"username": "anna", "role": "boss", "password": SECRET},
    "PATCH /api/v1/users/user": {"role": "boss", "password": SECRET},
}
"""Requests with secrets, which are refused as they are."""


def spoiled(body: Mapping[str, object]) -> list[bytes]:
    """Return the bodies of a request with its secrets in the wrong shape, under wrong names, or in no JSON."""
    secrets = {name for name, value in body.items() if MARK in str(value)}
    values = ([SECRET], {"a": SECRET}, {SECRET: 1}, f"{SECRET}\0", f"{SECRET}\ud800", SECRET * 100, 1, None)
    wrong: list[object] = [body, SECRET, [SECRET], *({**body, **dict.fromkeys(secrets, value)} for value in values)]
    wrong.append({**body, "pasword": SECRET, "refreshToken": SECRET})
    texts = [json.dumps(value).encode() for value in wrong]
    return [*texts, texts[0][:-1], texts[0] + b",", f"password={SECRET}".encode(), f"username=a&password={SECRET}&x".encode()]


@pytest.mark.parametrize("request_line", BODIES)
async def test_a_body_that_is_refused_is_not_repeated(
    service: Service, request_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, as a form or as something else."""
    configure(LogSettings(level="DEBUG", format="json"))
    method, path = request_line.split()
    headers = await service.bearer("admin") if "users" in path or "/me" in path else {}
    async with service.client(**SAME_ORIGIN, **headers) as client:
        for content in spoiled(BODIES[request_line]):
            for content_type in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
                response = await client.request(method, path, content=content, headers={"Content-Type": content_type})
                assert 400 <= response.status_code < 500, response.text
                check(response, content)
    assert MARK not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": BEARER},
        {"Authorization": f"Bearer cat_{'0' * 32}_{MARK}{'a' * 30}"},
        {"Authorization": SECRET},
        {"X-API-Key": SECRET},
        {"X-API-Key": SECRET, "Authorization": BEARER},
        {"Cookie": f"catalog_session={SECRET}"},
        {"Cookie": f"catalog_session={SECRET}; catalog_session={SECRET}"},
    ],
)
async def test_a_credential_that_is_refused_is_not_repeated(
    service: Service, headers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither is one in the query string, where it does not belong."""
    configure(LogSettings(level="DEBUG", format="json"))
    async with service.client() as client:
        for path in ("/api/v1/items", "/api/v1/users", f"{AUTH}/me", f"/api/v1/items?access_token={SECRET}", "/nope"):
            response = await client.get(path, headers=headers)
            assert response.status_code in (400, 401, 404), response.text
            check(response, headers)
    assert MARK not in "".join(capsys.readouterr())


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_traceback_shows_no_local_variables(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """The password is one of them, in several frames."""

    async def fail(password: str, _hash: str | None) -> bool:
        local = f"{password}!"
        raise RuntimeError(len(local))

    monkeypatch.setattr(service.container.password_hasher(), "verify", fail)
    configure(LogSettings.model_validate({"level": "DEBUG", "format": form}))
    async with service.client() as client:
        response = await client.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD})
    assert (response.status_code, response.json()["code"]) == (500, "internal_server_error")
    logged = "".join(capsys.readouterr())
    assert "RuntimeError" in logged
    assert "_verified_user" in logged
    assert MARK not in logged + response.text


async def test_a_password_typed_as_username_is_not_recorded(service: Service) -> None:
    """Of a user that does not exist, the security log has only a hash."""
    async with service.client() as client:
        response = await client.post(f"{AUTH}/token", json={"username": SECRET, "password": SECRET})
    assert (response.status_code, MARK in response.text) == (401, False)
    container = service.container
    await container.security_events().write(everything=True)
    page = await Audit(container.storage(), container.identity_storage()).page(AuditRequest.parse({"stream": "security"}))
    written = encode_audit(page)
    assert b"sign_in.failed" in written
    assert MARK.encode() not in written


def check(response: httpx.Response, sent: object) -> None:
    """Check that a response repeats no secret."""
    printed = f"{response.text} {response.headers}"
    assert MARK not in printed, sent
    assert quote(MARK) not in printed
