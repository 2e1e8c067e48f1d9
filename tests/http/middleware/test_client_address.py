"""The client's address: proxies report it, and clients cannot make it up."""

from ipaddress import ip_network

import pytest

from catalog.entrypoints.http.requests.client_address import MAX_LENGTH, client_address

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


def address(peer: str, forwarded_for: str | None = None, forwarded: str | None = None) -> str:
    """Return the client's address as seen by a service that is called from `peer`."""
    headers = [(b"x-forwarded-for", forwarded_for), (b"forwarded", forwarded)]
    raw = [(name, value.encode("latin-1")) for name, value in headers if value is not None]
    return client_address(peer, raw, TRUSTED)


@pytest.mark.parametrize(
    ("forwarded_for", "expected"),
    [
        (None, "10.0.0.1"),
        ("", "10.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # what the client has made up stands on the left
        ("198.51.100.1, 203.0.113.7 ,10.0.0.2", "203.0.113.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8:2::7]:4711", "2001:db8:2::7"),
        ("2001:db8:2::7, 2001:db8:1::1", "2001:db8:2::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, unknown", "10.0.0.1"),
        ("203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.7,", "10.0.0.1"),
        ("203.0.113.7" + " " * MAX_LENGTH, "10.0.0.1"),
    ],
)
def test_the_right_most_hop_that_is_not_trusted_is_the_client(forwarded_for: str | None, expected: str) -> None:
    """Each proxy appends the address it was called from."""
    assert address("10.0.0.1", forwarded_for) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('For="[2001:db8:2::7]:4711";proto=https, for=10.0.0.2', "2001:db8:2::7"),
        ("proto=https;for=203.0.113.7;by=10.0.0.1", "203.0.113.7"),
        ("for=203.0.113.7, by=10.0.0.9", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
    ],
)
def test_the_header_of_rfc_7239_is_read_too(forwarded: str, expected: str) -> None:
    """An element without an address is a hop that nobody knows."""
    assert address("10.0.0.1", forwarded=forwarded) == expected


def test_only_trusted_proxies_are_believed() -> None:
    """Anybody can send the headers."""
    assert address("203.0.113.9", "198.51.100.1", "for=198.51.100.1") == "203.0.113.9"
    assert address("::ffff:10.0.0.1", "198.51.100.1") == "198.51.100.1"
    assert address("unix:", "198.51.100.1") == "unix:"


def test_two_headers_that_disagree_are_not_believed() -> None:
    """A proxy that knows only one of them passes on what the client sends in the other."""
    assert address("10.0.0.1", "198.51.100.1", "for=198.51.100.1") == "198.51.100.1"
    assert address("10.0.0.1", "198.51.100.1", "for=203.0.113.7") == "10.0.0.1"
