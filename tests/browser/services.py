"""Services for the tests in a browser: the real process on a database of its own, with a user for each role."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.conftest import Databases
from tests.e2e.test_process import Server, serving
from tests.planted_secrets import PASSWORD
from tests.servers import free_port

AUTH = "/api/v1/auth"
ADMIN = "admin"
"""The name of the first admin. The users of the other roles are named for their role."""

_REQUIRED = {
    "CATALOG_IDENTITY__MODE": "required",
    "CATALOG_RATE_LIMIT__REQUESTS": "100000",
    "CATALOG_RATE_LIMIT__SIGN_IN_REQUESTS": "10000",
}
FIRST_ADMIN = {"CATALOG_IDENTITY__ADMIN_USERNAME": ADMIN, "CATALOG_IDENTITY__ADMIN_PASSWORD": PASSWORD}
"""Settings of a service that needs no set-up link."""

T = TypeVar("T")


class Service:
    """A `catalog serve` that can be stopped and started again on the same port."""

    def __init__(self, folder: Path, store_url: str, settings: dict[str, str]) -> None:
        """Serve this store, with these settings. `start` starts it."""
        self.port = free_port()
        self.store_url = store_url
        self.url = f"http://127.0.0.1:{self.port}"
        self.identity = settings.get("CATALOG_IDENTITY__MODE") == "required"
        self._folder = folder
        self._settings = settings | {"CATALOG_HTTP__PORT": str(self.port)}
        self._running = ExitStack()
        self._server: Server | None = None
        self._users = {ADMIN}

    def start(self) -> None:
        """Start the process, and wait until it is ready."""
        opened = serving(self._folder, self.store_url, **self._settings)
        self._server = self._running.enter_context(opened)

    def stop(self) -> None:
        """Kill the process, as in an outage."""
        self._running.close()

    def close(self) -> None:
        """Stop the process for good."""
        self.stop()
        if "api" in self.__dict__:
            self.api.close()

    @property
    def server(self) -> Server:
        """The process."""
        assert self._server is not None, "The service was never started"
        return self._server

    @cached_property
    def api(self) -> httpx.Client:
        """A client of the service, signed in as the admin: to make what a test needs, and to look at what it did."""
        client = httpx.Client(base_url=self.url, timeout=30)
        if self.identity:
            signed_in = client.post(f"{AUTH}/token", json={"username": ADMIN, "password": PASSWORD})
            assert signed_in.status_code == 200, signed_in.text
            client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        return client

    def call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
        """Send a request to a path of the API that must succeed, and return the body."""
        response = self.api.request(method, f"/api/v1{path}", **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def create_item(self, **fields: Any) -> Any:  # noqa: ANN401 - JSON
        """Create an item and return it."""
        return self.call("POST", "/items", json={"name": "Item"} | fields)

    def create_category(self, slug: str, parent: str | None = None, name: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Create a category and return it."""
        return self.call("POST", "/categories", json={"slug": slug, "name": name or slug.title(), "parent": parent})

    def username(self, role: str) -> str:
        """Return the name of the user with a role, who is created if need be."""
        if role not in self._users:
            self.call("POST", "/users", json={"username": role, "password": PASSWORD, "role": role})
            self._users.add(role)
        return role


class Services:
    """Starts services. Those with sample data are shared by the tests of a process, which change only what they make."""

    def __init__(self, running: ExitStack, folder: Callable[[str], Path], databases: Databases | None = None) -> None:
        """Keep databases in new folders, or in Postgres if there are `databases`. Shared services end with `running`."""
        self._running = running
        self._folder = folder
        self._databases = databases
        self._shared: dict[tuple[str, bool], Service] = {}
        self._template: str | None = None

    def shared(self, store: str, *, identity: bool) -> Service:
        """Return a running service with the 1,000 sample items."""
        key = (store, identity)
        if key not in self._shared:
            self._shared[key] = self.started(self._running, store, identity=identity, seeded=True)
        return self._shared[key]

    def started(
        self, running: ExitStack, store: str, *, identity: bool, seeded: bool = False, settings: dict[str, str] = FIRST_ADMIN
    ) -> Service:
        """Start a service on a database of its own, which ends with `running`."""
        folder = self._folder("service")
        service = Service(folder, self._store_url(running, store, folder), _REQUIRED | settings if identity else {})
        running.callback(service.close)
        if seeded:
            _command(service.store_url, "seed")
        service.start()
        return service

    def _store_url(self, running: ExitStack, store: str, folder: Path) -> str:
        if store == "memory":
            return "memory://"
        if store == "sqlite":
            return f"sqlite:///{folder / 'catalog.db'}"
        assert self._databases is not None
        if self._template is None:
            self._template = self._database(self._running)
            _command(self._databases.url(self._template), "migrate")
        return self._databases.url(self._database(running, self._template))

    def _database(self, running: ExitStack, *template: str) -> str:
        """Create a database that ends with `running`, and return its name."""
        databases = self._databases
        assert databases is not None
        name = _run(databases.create(*template))
        running.callback(lambda: _run(databases.drop(name)))
        return name


def _command(store_url: str, *arguments: str) -> None:
    """Run a command of the catalog on a store."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    program = Path(sys.executable).parent / "catalog"
    subprocess.run(
        [program, *arguments], env=environment | {"CATALOG_STORAGE__URL": store_url}, check=True, stdout=subprocess.DEVNULL
    )


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread, because Playwright keeps an event loop in the main thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
