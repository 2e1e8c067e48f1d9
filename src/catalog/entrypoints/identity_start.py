"""What the start of the service does for identity: it records weak settings and creates the first admin, or a setup link.

If the store is away at the start, it is done in the background as soon as the store is there.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.domain.errors import InvalidInput, Unavailable
from catalog.domain.identity.security_log import SETTINGS_INSECURE, SecurityEvent
from catalog.domain.identity.user import NewUser
from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.safety import weaknesses
from catalog.entrypoints.settings.sections import HttpSettings
from catalog.ports.identity.storage import IdentityStorage

_VARIABLES = {"username": "CATALOG_IDENTITY__ADMIN_USERNAME", "password": "CATALOG_IDENTITY__ADMIN_PASSWORD"}

_IGNORED = f"There are users, so {' and '.join(_VARIABLES.values())} are ignored and can be removed."


RETRY_SECONDS = 2.0
"""Seconds between two attempts to prepare a store that was away at the start."""

_CLOSE_SECONDS = 5.0


async def start_identity(container: Container) -> bool:
    """Check the settings of identity, and prepare a store that persists data. To be called once, before any process serves.

    Return False if the store is away: then it must be prepared later. Raises: InvalidSettings.
    """
    settings: Settings = container.settings()
    if settings.identity.signs_in:
        container.signing_keys()  # raises InvalidSettings, as the next two do
        container.foreign_tokens()
        _first_admin(settings)
    try:
        await _open_and_prepare(container)
    except Unavailable as error:
        log_config.log_identity_not_prepared(str(error), settings.storage.display_url)
        return False
    return True


@contextmanager
def preparing_later(settings: Settings, interval: float = RETRY_SECONDS) -> Iterator[None]:
    """Try to prepare the store every few seconds while the context is open, until it succeeds.

    It is done in a thread of the process that starts the others, so that a setup link is printed once, whoever serves.
    """
    stopping = threading.Event()
    thread = threading.Thread(target=_prepare_until, args=(settings, interval, stopping), name="identity-start", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_CLOSE_SECONDS)


def _prepare_until(settings: Settings, interval: float, stopping: threading.Event) -> None:
    while not stopping.wait(interval):
        try:
            asyncio.run(_open_and_prepare(Container(settings=settings)))
        except Unavailable as error:
            log_config.log_identity_still_not_prepared(str(error))
            continue
        except InvalidSettings as error:  # the password of the first admin is weak, which only a reachable store shows
            log_config.log_identity_not_prepared(str(error), settings.storage.display_url, retrying=False)
        return


async def _open_and_prepare(container: Container) -> None:
    """Open the store, prepare it and close it. Raises: as `prepare_identity`."""
    storage = _storage(container)
    if storage is None:
        return
    await storage.open()
    try:
        await prepare_identity(container, announcing=container.storage().durable)
    finally:
        if container.settings().identity.signs_in:
            container.password_hasher().close()
        await storage.close()


async def prepare_identity(container: Container, *, announcing: bool = True) -> None:
    """Record weak settings. If callers sign in and there are no users, create the first admin, or print a setup link.

    The identity storage must be open. `announcing`: False for a store that another process does not see.
    Raises: InvalidSettings if the password of the first admin is weak, Unavailable.
    """
    settings: Settings = container.settings()
    now = container.clock().now()
    events = [
        SecurityEvent(action=SETTINGS_INSECURE, at=now, subject=variable, detail={"reason": reason})
        for variable, reason in weaknesses(settings)
    ]
    if events:
        await container.identity_storage().record(events)
    if not settings.identity.signs_in:
        return
    new = _first_admin(settings)
    if new is not None:
        try:
            admin = await container.first_admin().create(new)
        except InvalidInput as error:
            raise _invalid_admin(error) from None
        if announcing:
            _say(_IGNORED if admin is None else f"Created the admin {admin.username}.")
        return
    token = await container.first_admin().new_token() if announcing else None
    if token is not None:
        _print_setup_link(settings, token)


def _storage(container: Container) -> IdentityStorage | None:
    """Return the identity storage. None if nobody signs in and the storage's adapter has none, or there is nothing to record."""
    settings: Settings = container.settings()
    if settings.identity.signs_in:
        required: IdentityStorage = container.identity_storage()
        return required
    storage: IdentityStorage | None = container.security_log() if any(weaknesses(settings)) else None
    return storage


def _first_admin(settings: Settings) -> NewUser | None:
    """Return the first admin of the settings, if there is one. Raises: InvalidSettings if the name is invalid."""
    name, password = settings.identity.admin_username, settings.identity.admin_password
    if name is None or password is None:
        return None
    try:
        return NewUser.parse({"username": name, "password": password.get_secret_value(), "role": "admin"})
    except InvalidInput as error:
        raise _invalid_admin(error) from None


def _invalid_admin(error: InvalidInput) -> InvalidSettings:
    return InvalidSettings([(_VARIABLES[str(field.path[0])], field.message) for field in error.errors])


def _print_setup_link(settings: Settings, token: str) -> None:
    """Print the link to stderr, and not as a log record: logs are kept and forwarded. Browsers do not send the fragment."""
    url = _public_url(settings.http)
    body = f'{{"token": "{token}", "username": "…", "password": "…"}}'
    _say(
        "There are no users yet. Create the first admin within an hour, with this link, which works once:\n"
        f"  {url}/#setup={token}\n"
        "or with the same token and this request:\n"
        f"  curl {url}/api/v1/auth/setup -H 'Content-Type: application/json' -d '{body}'\n"
        "or with: catalog users create NAME --role admin"
    )


def _public_url(http: HttpSettings) -> str:
    """Return the URL by which a browser reaches the service, as far as the settings say it."""
    named = next((name for name in http.allowed_hosts if name != "*"), None)
    host = named or ("localhost" if http.host in ("0.0.0.0", "::") else f"[{http.host}]" if ":" in http.host else http.host)  # noqa: S104 - not bound here
    # The service speaks HTTP on its port, so HTTPS is provided by a proxy, on a port of its own.
    origin = f"https://{host}" if http.tls else f"http://{host}:{http.port}"
    return origin + http.root_path


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
