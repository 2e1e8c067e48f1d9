"""Where the keys of another issuer may be: not on machines that only this service can reach, however the name resolves."""

import datetime as dt
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalog.adapters.oidc.checked_transport import PUBLIC_ONLY, CheckedTransport, is_public, resolve
from catalog.adapters.oidc.foreign_tokens import OidcTokens
from catalog.domain.identity.errors import IssuerUnavailable
from tests.making import NOON
from tests.unit.adapters.oidc.issuer import KEYS, Issuer
from tests.unit.adapters.oidc.keys import ED_KEY, jwk

ISSUER, ELSEWHERE, WRONG_NAME = "issuer.example", "keys.example", "other.example"
ED_JWK = jwk(ED_KEY, kid="ed")


class Resolver:
    """Resolves names as the test says, and counts how often."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        """Take the answers for a name, in turn; the last one stays. Names have underscores instead of points."""
        self.answers = {name.replace("_", "."): [list(answer.split()) for answer in each] for name, each in addresses.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        assert port
        self.asked.append(host)
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A certificate for two names, signed by itself."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(each) for each in (ISSUER, ELSEWHERE)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    paths = {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}
    paths["certificate"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_encryption = serialization.NoEncryption()
    paths["key"].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_encryption))
    return paths


@pytest.fixture
def server_tls(tls: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What serves with that certificate, which clients trust. There is no proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls["certificate"]))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls["certificate"], tls["key"])
    return context


async def is_accepted(issuer: Issuer, tokens: OidcTokens) -> bool:
    """Return whether a good token is accepted; False if the issuer counts as unavailable."""
    try:
        await tokens.verify(issuer.token("EdDSA", ED_KEY, "ed"), NOON)
    except IssuerUnavailable:
        return False
    finally:
        await tokens.close()
    return True


async def test_an_issuer_may_publish_keys_at_its_own_host(server_tls: ssl.SSLContext) -> None:
    """Whatever its address: the settings name it, and it may be in a private network. The certificate is that of the name."""
    async with Issuer(ED_JWK, host=ISSUER, tls=server_tls) as issuer:
        assert await is_accepted(issuer, issuer.tokens(resolve=Resolver(issuer_example=["127.0.0.1"])))
        assert all(f"host: {ISSUER}:" in head.lower() for head in issuer.headers)
    async with Issuer(ED_JWK, host=WRONG_NAME, tls=server_tls) as issuer:
        assert not await is_accepted(issuer, issuer.tokens(resolve=Resolver(other_example=["127.0.0.1"])))
        assert issuer.requests == []


@pytest.mark.parametrize(
    "addresses", ["127.0.0.1", "10.0.0.1", "8.8.8.8 127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"]
)
async def test_keys_elsewhere_must_be_public(server_tls: ssl.SSLContext, addresses: str) -> None:
    """Nothing is sent to a host if one of its addresses is private, although it would answer with good keys."""
    async with Issuer(ED_JWK, host=ISSUER, tls=server_tls) as issuer:
        issuer.discovery["jwks_uri"] = f"{issuer.url.replace(ISSUER, ELSEWHERE)}{KEYS}"
        resolver = Resolver(issuer_example=["127.0.0.1"], keys_example=[addresses])
        assert not await is_accepted(issuer, issuer.tokens(resolve=resolver))
        assert resolver.asked == [ISSUER, ELSEWHERE]
        assert issuer.fetches == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost"])
async def test_addresses_in_a_document_are_checked_as_well(server_tls: ssl.SSLContext, host: str) -> None:
    """However they are written. Here the system resolves them, as the connection would."""
    async with Issuer(ED_JWK, host=ISSUER, tls=server_tls) as issuer:
        issuer.discovery["jwks_uri"] = f"{issuer.url.replace(ISSUER, host)}{KEYS}"

        async def only_the_issuer_is_fake(name: str, port: int) -> Sequence[str]:
            return ["127.0.0.1"] if name == ISSUER else await resolve(name, port)

        assert not await is_accepted(issuer, issuer.tokens(resolve=only_the_issuer_is_fake))
        assert issuer.fetches == 0


async def test_another_port_of_the_issuer_is_another_place(server_tls: ssl.SSLContext) -> None:
    """Other services may listen there."""
    async with Issuer(ED_JWK, host=ISSUER, tls=server_tls) as issuer, Issuer(ED_JWK, host=ISSUER, tls=server_tls) as other:
        issuer.discovery["jwks_uri"] = f"{other.url}{KEYS}"
        assert not await is_accepted(issuer, issuer.tokens(resolve=Resolver(issuer_example=["127.0.0.1"])))
        assert other.requests == []


async def test_an_issuer_on_loopback_may_point_anywhere_on_it() -> None:
    """It is for development. Another port is fine too."""
    async with Issuer(ED_JWK) as issuer, Issuer(ED_JWK) as other:
        issuer.discovery["jwks_uri"] = f"{other.url}{KEYS}"
        assert await is_accepted(issuer, issuer.tokens())
        assert other.fetches == 1


class Inner:
    """Takes requests instead of a network. The addresses in `down` cannot be reached."""

    def __init__(self, *down: str) -> None:
        """Start without requests."""
        self.down = down
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail."""
        self.requests.append(request)
        if request.url.host in self.down:
            message = "down"
            raise httpx.ConnectError(message)
        return httpx.Response(200)


def client_of(inner: Inner, resolver: Resolver, *, trust_env: bool = False) -> httpx.AsyncClient:
    """Return a client whose requests are checked."""
    transport = CheckedTransport(trust_env=trust_env, resolve=resolver, inner=httpx.MockTransport(inner))
    return httpx.AsyncClient(transport=transport, timeout=4)


async def test_the_address_that_was_checked_is_connected_to() -> None:
    """A name that resolves to something else a moment later gains nothing by that."""
    inner, resolver = Inner(), Resolver(keys_example=["8.8.8.8", "127.0.0.1"])
    async with client_of(inner, resolver) as client:
        await client.get("https://keys.example:8443/keys", extensions={PUBLIC_ONLY: True})
        (request,) = inner.requests
        assert (str(request.url), request.headers["host"]) == ("https://8.8.8.8:8443/keys", "keys.example:8443")
        assert request.extensions["sni_hostname"] == "keys.example"
        assert resolver.asked == ["keys.example"]
        with pytest.raises(ValueError, match="not public"):
            await client.get("https://keys.example:8443/keys", extensions={PUBLIC_ONLY: True})


async def test_the_next_address_is_tried() -> None:
    """The time is shared. If none can be reached, or there is none, the request fails."""
    inner, resolver = Inner("8.8.8.8"), Resolver(keys_example=["8.8.8.8 2001:4860:4860::8888", "8.8.8.8", ""])
    async with client_of(inner, resolver) as client:
        assert (await client.get("https://keys.example/keys")).status_code == 200
        assert [request.url.host for request in inner.requests] == ["8.8.8.8", "2001:4860:4860::8888"]
        assert {request.extensions["timeout"]["connect"] for request in inner.requests} == {2}
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await client.get("https://keys.example/keys", timeout=None)


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It resolves names. Addresses are checked all the same; hosts in NO_PROXY are reached directly."""
    inner, resolver = Inner(), Resolver(direct_example=["8.8.8.8"])
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:1")  # where nobody listens
    monkeypatch.setenv("NO_PROXY", "direct.example")
    async with client_of(inner, resolver, trust_env=True) as client:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await client.get("https://keys.example/keys", extensions={PUBLIC_ONLY: True})
        with pytest.raises(ValueError, match="not public"):
            await client.get("https://127.0.0.1/keys", extensions={PUBLIC_ONLY: True})
        assert (await client.get("https://direct.example/keys")).status_code == 200
    assert resolver.asked == ["direct.example"]
    async with client_of(inner, Resolver(keys_example=["8.8.8.8"])) as client:
        assert (await client.get("https://keys.example/keys")).status_code == 200


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:  # noqa: FBT001 - a column of the table
    """Those that any machine of the internet can reach. An address of IPv4 within one of IPv6 is looked at."""
    assert is_public(address) is public
