"""No secret is in the repr or the text of an object that has one: tracebacks, logs and assertions print them."""

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, SecretStr

import catalog
from catalog.adapters.jwt.signing_keys import SigningKey, generate_key, to_pem
from catalog.adapters.postgres.dsn import Dsn, read_dsn
from catalog.application.identity.api_keys import CreatedKey
from catalog.application.identity.authenticator import Credential
from catalog.application.identity.sign_in import BrowserSignIn
from catalog.application.identity.token_pairs import TokenPair
from catalog.domain.change import Change
from catalog.domain.identity.api_key import ApiKey, KeyText
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import NewUser, User, UserPatch
from catalog.entrypoints.http.requests.sign_in import SignInRequest
from catalog.entrypoints.representations.identity import CreatedApiKeyBody, TokensBody
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import CacheSettings, IdentitySettings, StorageSettings
from catalog.ports.storage import StorageOptions
from tests.making import NOON, item_id
from tests.planted_secrets import MARK, PASSWORD, planted

URL = f"postgresql://me:{planted('p')}@host/db?password={planted('q')}"
REDIS = f"redis://me:{planted('p')}@host/0"
HASH = MARK.encode()
PRIVATE = generate_key()

USER = User(
    id=item_id(1),
    username="anna",
    role="user",
    password_hash=f"$argon2id$v=19$m=47104,t=1,p=1${MARK}",
    disabled=False,
    version=1,
    created_at=NOON,
    updated_at=NOON,
)
KEY = ApiKey(id=item_id(2), user_id=USER.id, name="backup", scopes=frozenset(), secret_hash=HASH, created_at=NOON)
SIGNING = StoredSigningKey("kid", planted("private"), NOON)
IDENTITY = IdentitySettings(mode="required", admin_password=SecretStr(PASSWORD), signing_key=SecretStr(planted("key")))

HOLDERS: Mapping[type, object] = {
    StorageSettings: StorageSettings(url=URL),
    CacheSettings: CacheSettings(url=REDIS),
    IdentitySettings: IDENTITY,
    StorageOptions: StorageOptions(URL),
    Dsn: read_dsn(URL),
    NewUser: NewUser("anna", "user", PASSWORD),
    UserPatch: UserPatch(password=PASSWORD),
    User: USER,
    ApiKey: KEY,
    KeyText: KeyText(KEY.id, planted("secret")),
    CreatedKey: CreatedKey(KEY, planted("cat_")),
    StoredSigningKey: SIGNING,
    TokenPair: TokenPair(planted("a"), planted("r"), 600, frozenset()),
    BrowserSignIn: BrowserSignIn(planted("c"), COMMAND_LINE),
    Credential: Credential("token", planted("t")),
    SignInRequest: SignInRequest("anna", PASSWORD),
    TokensBody: TokensBody(planted("a"), "bearer", 600, planted("r"), []),
    CreatedApiKeyBody: CreatedApiKeyBody(KEY.id, "backup", [], None, NOON, None, KEY.prefix, key=planted("key")),
}
"""An object of every class that holds a secret, with a planted one."""

SECRET_FIELDS = re.compile(r"password|secret(?!_hash)|_token$|^cookie$|private|^url$|dsn|password_hash")
TEXTS = (str, bytes, SecretStr)


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=lambda holder: type(holder).__name__)
def test_repr_shows_no_secret(holder: object) -> None:
    """Neither do containers of it, nor formatting."""
    assert MARK not in f"{holder!r} {holder} {[holder]} {(holder,)} { {'a': holder} }"


@pytest.mark.parametrize(
    "holder",
    [
        Settings(storage=StorageSettings(url=URL), cache=CacheSettings(url=REDIS), identity=IDENTITY),
        Change("user.created", None, USER, NOON),
        IdentityChange(user=Change("user.created", None, USER, NOON), new_key=KEY),
    ],
)
def test_repr_of_what_contains_them_shows_no_secret(holder: object) -> None:
    """Settings show that a password is set."""
    assert MARK not in f"{holder!r} {holder}"


def test_repr_of_a_private_key_shows_no_secret() -> None:
    """Its text is random, so it is compared."""
    body = to_pem(PRIVATE).splitlines()[1]
    assert isinstance(PRIVATE, SigningKey)
    assert body not in f"{PRIVATE!r} {PRIVATE}"


def test_settings_show_whether_a_secret_is_set() -> None:
    """Set or not set, and nothing of its length."""
    assert "admin_password=SecretStr('**********')" in repr(IDENTITY)
    assert "admin_password=None" in repr(IdentitySettings())


def test_every_class_with_a_secret_is_tested() -> None:
    """A class has a secret if one of its fields is a text that is called like one. Those that only document have no objects."""
    holders = {
        holder
        for holder in classes()
        if any(SECRET_FIELDS.search(name) and has_text(annotation) for name, annotation in fields_of(holder).items())
    }
    documented = {holder for holder in holders if holder.__module__.startswith("catalog.entrypoints.http.openapi.")}
    assert len(documented) > 1
    assert holders - documented - HOLDERS.keys() == set()


def classes() -> Iterator[type]:
    """Yield every class of the service."""
    for module_info in pkgutil.walk_packages(catalog.__path__, "catalog."):
        if ".migrations" in module_info.name or module_info.name.endswith("__main__"):
            continue
        module = importlib.import_module(module_info.name)
        yield from (value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__)


def fields_of(holder: type) -> Mapping[str, Any]:
    """Return the fields of a value class with their types."""
    readers: tuple[tuple[bool, Callable[[Any], Mapping[str, Any]]], ...] = (
        (dataclasses.is_dataclass(holder), lambda value: {field.name: field.type for field in dataclasses.fields(value)}),
        (issubclass(holder, BaseModel), lambda value: {name: field.annotation for name, field in value.model_fields.items()}),
        (issubclass(holder, msgspec.Struct) or hasattr(holder, "_fields"), lambda value: value.__annotations__),
    )
    return next((read(holder) for applies, read in readers if applies), {})


def has_text(annotation: Any) -> bool:  # noqa: ANN401 - any type
    """Return whether values of a type are texts, or may be."""
    return annotation in TEXTS or any(map(has_text, getattr(annotation, "__args__", ())))
