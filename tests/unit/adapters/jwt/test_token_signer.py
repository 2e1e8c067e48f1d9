"""Our own access tokens: what is signed, what is accepted, and more than sixty bad tokens."""

from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.adapters.jwt.signing_keys import SigningKey, parse_key, to_pem
from catalog.adapters.jwt.token_signer import LEEWAY, MAX_TOKEN, JwtSigner
from catalog.domain.identity.errors import ExpiredToken, InvalidToken
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from tests.unit.adapters.forging import changed, forge
from tests.unit.adapters.jwt.bad_tokens import (
    AUDIENCE,
    BAD_TOKENS,
    CLAIMS,
    GOOD,
    HEADER,
    ISSUER,
    KEY,
    NOW,
    OTHER_KEY,
    PAYLOAD,
    PUBLIC_PEM,
    START,
    with_claims,
    with_header,
)


def stored(*keys: SigningKey) -> list[StoredSigningKey]:
    """Return keys as the store has them."""
    return [StoredSigningKey(key.id, to_pem(key), NOW) for key in keys]


def signer(*keys: SigningKey) -> JwtSigner:
    """Return a signer with these keys, the newest first."""
    made = JwtSigner(ISSUER, AUDIENCE)
    made.use(stored(*keys or (KEY,)))
    return made


def test_a_signed_token_is_accepted() -> None:
    """What is signed is read back, and the token made by hand in these tests is as good."""
    assert signer().verify(signer().sign(CLAIMS), NOW) == CLAIMS
    assert signer().verify(GOOD, NOW) == CLAIMS


def test_a_token_has_the_form_of_the_standard() -> None:
    """Header and claims are those of RFC 9068, and `scope` is one text."""
    token = signer().sign(CLAIMS)
    assert jwt.get_unverified_header(token) == HEADER
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {**claims, "scope": set(claims["scope"].split())} == {**PAYLOAD, "scope": CLAIMS.scopes}
    assert len(token) < MAX_TOKEN / 4


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_is_refused(token: str) -> None:
    """Each is refused with the same error, which quotes nothing."""
    with pytest.raises(InvalidToken) as caught:
        signer().verify(token, NOW)
    assert str(caught.value) == str(InvalidToken())


def test_there_are_enough_bad_tokens() -> None:
    """They differ from each other, and there are at least sixty."""
    assert len(set(BAD_TOKENS.values())) == len(BAD_TOKENS) >= 60


def test_a_token_expires_to_the_second() -> None:
    """Expiry has no leeway. An expired token gets an error of its own, so that clients refresh it."""
    token = signer().sign(CLAIMS)
    assert signer().verify(token, CLAIMS.expires_at - timedelta(microseconds=1)) == CLAIMS
    with pytest.raises(ExpiredToken):
        signer().verify(token, CLAIMS.expires_at)


def test_a_token_of_the_longest_life_is_accepted() -> None:
    """The longest that a setting allows. A longer one might outlive the memory of its revocation."""
    assert signer().verify(with_claims(exp=START + 3_600), NOW).expires_at == NOW + MAX_ACCESS_LIFE
    with pytest.raises(InvalidToken):
        signer().verify(with_claims(exp=START + 3_601), NOW)


def test_a_forged_token_is_never_called_expired() -> None:
    """The signature is checked first."""
    with pytest.raises(InvalidToken):
        signer().verify(forge(HEADER, changed(PAYLOAD, exp=1), OTHER_KEY.private), NOW)


def test_clocks_may_differ_by_a_few_seconds() -> None:
    """Another process whose clock is behind accepts a new token."""
    token = signer().sign(CLAIMS)
    assert signer().verify(token, NOW - LEEWAY) == CLAIMS
    with pytest.raises(InvalidToken):
        signer().verify(token, NOW - LEEWAY - timedelta(seconds=1))


def test_keys_overlap_when_they_are_rotated() -> None:
    """The newest key signs, tokens of the one before stay valid until it is deleted, and both are published."""
    rotating = signer(KEY)
    before = rotating.sign(CLAIMS)
    rotating.use(stored(OTHER_KEY, KEY))
    after = rotating.sign(CLAIMS)
    assert jwt.get_unverified_header(after)["kid"] == OTHER_KEY.id
    assert rotating.verify(before, NOW) == rotating.verify(after, NOW) == CLAIMS
    assert [key["kid"] for key in rotating.public_keys()] == [OTHER_KEY.id, KEY.id]
    rotating.use(stored(OTHER_KEY))
    assert rotating.verify(after, NOW) == CLAIMS
    with pytest.raises(InvalidToken):
        rotating.verify(before, NOW)


def test_nothing_is_signed_or_accepted_without_a_key() -> None:
    """A signer has no key until it is given one."""
    empty = JwtSigner(ISSUER, AUDIENCE)
    with pytest.raises(RuntimeError, match="no signing key"):
        empty.sign(CLAIMS)
    with pytest.raises(InvalidToken):
        empty.verify(GOOD, NOW)
    assert empty.public_keys() == []


def test_a_new_key_signs() -> None:
    """A new key can be stored and used at once, and its repr does not show it."""
    made = JwtSigner(ISSUER, AUDIENCE)
    key = made.new_key(NOW)
    made.use([key])
    assert made.verify(made.sign(CLAIMS), NOW) == CLAIMS
    assert key.created_at == NOW
    assert "PRIVATE" not in repr(key)
    assert repr(parse_key(key.private_key)) == f"SigningKey({key.id!r})"


def test_public_keys_show_nothing_private() -> None:
    """The published keys have the members of RFC 8037, and other libraries verify tokens with them."""
    (key,) = signer().public_keys()
    assert set(key) == {"kty", "crv", "x", "use", "alg", "kid"}
    assert (
        jwt.decode(
            GOOD,
            jwt.PyJWK(key),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )["sub"]
        == PAYLOAD["sub"]
    )


def test_the_signer_reads_no_files(tmp_path: Path) -> None:
    """A key id is looked up among the keys only."""
    (tmp_path / "key").write_bytes(PUBLIC_PEM)
    with pytest.raises(InvalidToken):
        signer().verify(with_header(kid=str(tmp_path / "key")), NOW)


def test_any_other_key_is_refused() -> None:
    """A token signed by a stranger is refused, whatever key id it names."""
    stranger = Ed25519PrivateKey.generate()
    for key_id in (KEY.id, OTHER_KEY.id):
        with pytest.raises(InvalidToken):
            signer(KEY, OTHER_KEY).verify(forge(changed(HEADER, kid=key_id), PAYLOAD, stranger), NOW)
