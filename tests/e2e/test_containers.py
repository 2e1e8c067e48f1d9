"""The settings of the container image and of compose.yaml, without Docker: the service is started with exactly these."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec.json
import msgspec.yaml
import pytest

from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.safety import refused, weaknesses
from tests.conftest import Databases
from tests.e2e.test_process import serving
from tests.planted_secrets import PASSWORD, planted

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Replace variables as Compose does. Raises: LookupError with the message for one that is required."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if operator == ":?":
            raise LookupError(name, rest)
        return rest or ""

    return _VARIABLE.sub(value, text)


def services(**variables: str) -> Any:  # noqa: ANN401 - the document
    """Return the services of compose.yaml with these variables."""
    lines = [line for line in COMPOSE.read_text().splitlines() if not line.lstrip().startswith("#")]
    return msgspec.yaml.decode(interpolated("\n".join(lines), variables))["services"]


def image_environment() -> dict[str, str]:
    """Return the settings of the image."""
    return dict(re.findall(r"(CATALOG_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))


def test_compose_has_no_default_passwords() -> None:
    """Without them, nothing starts, and the message says what to set."""
    with pytest.raises(LookupError, match="at least 15 characters"):
        services(POSTGRES_PASSWORD="x")
    with pytest.raises(LookupError, match=r"POSTGRES_PASSWORD.*letters and digits"):
        services(ADMIN_PASSWORD="x")


def test_compose_is_published_on_this_machine_only() -> None:
    """There is no TLS in front of it."""
    api = services(ADMIN_PASSWORD="x", POSTGRES_PASSWORD="x")["api"]
    assert api["ports"] == ["127.0.0.1:8000:8000"]


def test_the_service_of_compose_lets_its_admin_sign_in(databases: Databases, tmp_path: Path) -> None:
    """It migrates an empty database, creates the admin, and refuses everybody else."""
    parts = services(ADMIN_PASSWORD=PASSWORD, POSTGRES_PASSWORD=planted("p"))
    api, postgres = parts["api"]["environment"], parts["postgres"]["environment"]
    url = urlsplit(api["CATALOG_STORAGE__URL"])
    assert (url.username, url.password, url.hostname, url.path) == (
        postgres["POSTGRES_USER"],
        postgres["POSTGRES_PASSWORD"],
        "postgres",
        f"/{postgres['POSTGRES_DB']}",
    )
    name, server = asyncio.run(databases.create()), urlsplit(databases.server)
    local = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{server.port}", path=f"/{name}").geturl()
    with serving(tmp_path, local, **image_environment() | api | {"CATALOG_STORAGE__URL": local}) as process:
        api_url = f"{process.url}/api/v1"
        assert httpx.get(f"{api_url}/items").status_code == 401
        signed_in = httpx.post(f"{api_url}/auth/token", json={"username": "admin", "password": PASSWORD})
        headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        assert httpx.post(f"{api_url}/items", json={"name": "Chair"}, headers=headers).status_code == 201
        assert process.stop() == 0
    assert "setup=" not in process.log.read_text()
    asyncio.run(databases.drop(name))


@pytest.mark.prints_secrets("setup token")
def test_the_image_alone_prints_how_to_create_the_first_admin(tmp_path: Path) -> None:
    """With a file in its directory, as `docker run` has it."""
    with serving(tmp_path, "sqlite:///catalog.db", **image_environment()) as process:
        printed = process.log.read_text()
        assert "catalog users create NAME --role admin" in printed
        (token,) = re.findall(r"/#setup=([\w-]{43})", printed)
        body = {"token": token, "username": "root", "password": PASSWORD}
        assert httpx.post(f"{process.url}/api/v1/auth/setup", json=body).status_code == 201
        assert httpx.get(f"{process.url}/api/v1/items").status_code == 401


@pytest.mark.parametrize("hosts", ["", "*", "shop.example", "shop.example, y.example", '["shop.example"]'])
def test_the_health_check_of_the_image_sends_an_allowed_host(tmp_path: Path, hosts: str) -> None:
    """Whatever the list of hosts is."""
    match = re.search(r"CMD (\[\"python\", .*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert match is not None
    _, option, code = msgspec.json.decode(match[1])
    environment = os.environ | {"CATALOG_HTTP__ALLOWED_HOSTS": hosts}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def check() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            command = [sys.executable, option, code.replace(":8000", f":{port}")]
            process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=tmp_path)
            assert await process.wait() == 0

    received: list[bytes] = []
    asyncio.run(check())
    host = re.findall(rb"Host: (.*)\r", received[0])[0].decode()
    assert host == {"": "localhost", "*": "*"}.get(hosts, "shop.example")


def test_the_deployment_for_kubernetes_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings exist, and none is refused in production or weakens security. Probes send an allowed host."""
    text = (ROOT / "docs/how-to/deploy.md").read_text()
    block = re.search(r"^```yaml\n(apiVersion: apps/v1\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    (container,) = msgspec.yaml.decode(block[1])["spec"]["template"]["spec"]["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    for name, value in (image_environment() | environment).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert [*refused(settings), *weaknesses(settings)] == []
    for probe in ("livenessProbe", "readinessProbe"):
        (header,) = container[probe]["httpGet"]["httpHeaders"]
        assert (header["name"], header["value"]) == ("Host", environment["CATALOG_HTTP__ALLOWED_HOSTS"])
