"""Hash chains: whatever is altered, removed, inserted or swapped, the first wrong entry is found."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.hash_chain import ChainEnd, Link, follow, next_digest


def chain_of(count: int, start: ChainEnd = ChainEnd()) -> list[Link]:  # noqa: B008 - immutable
    """Return the links of a chain."""
    links = []
    for seq in range(start.seq + 1, start.seq + 1 + count):
        content = b"entry %d" % seq
        start = ChainEnd(seq, next_digest(start.digest, content))
        links.append(Link(seq, content, start.digest))
    return links


def test_a_digest_covers_the_one_before() -> None:
    """It is the SHA-256 of the previous digest and the content."""
    assert next_digest(b"before", b"content") == sha256(b"beforecontent").digest()


def test_an_intact_chain_is_followed_to_its_end() -> None:
    """It can be followed in parts; an empty part leads nowhere."""
    links = chain_of(5)
    end = ChainEnd(5, links[-1].digest or b"")
    assert follow(ChainEnd(), links) == (end, None)
    middle, fault = follow(ChainEnd(), links[:2])
    assert (middle.seq, fault) == (2, None)
    assert follow(middle, links[2:]) == (end, None)
    assert follow(end, []) == (end, None)


@given(st.integers(0, 5), st.sampled_from(["content", "digest", "none", "remove", "insert", "swap"]))
def test_the_first_fault_is_found(position: int, kind: str) -> None:
    """The number of the first wrong entry is returned, and the end of what is intact before it."""
    links = chain_of(7)
    link = links[position]
    if kind == "content":
        links[position] = replace(link, content=b"altered")
    elif kind == "digest":
        links[position] = replace(link, digest=bytes(32))
    elif kind == "none":
        links[position] = replace(link, digest=None)
    elif kind == "remove":
        del links[position]
    elif kind == "insert":
        links.insert(position, replace(link, content=b"inserted"))
    else:
        links[position : position + 2] = [links[position + 1], link]
    end, fault = follow(ChainEnd(), links)
    assert (end.seq, fault) == (position, position + 1)


def test_entries_without_digests_are_accepted_up_to_a_number() -> None:
    """The chain begins anew after them. Later ones are faults."""
    bare = [Link(3, b"bare", None), Link(4, b"bare", None)]
    anew = chain_of(2, ChainEnd(4))
    links = [*chain_of(2), *bare, *anew]
    assert follow(ChainEnd(), links, accepted=4) == (ChainEnd(6, anew[-1].digest or b""), None)
    assert follow(ChainEnd(), links, accepted=3)[1] == 4
    assert follow(ChainEnd(), [*chain_of(2), bare[1]], accepted=4)[1] == 3


def test_two_entries_with_exchanged_contents_are_found() -> None:
    """Their numbers are right, but not their contents."""
    links = chain_of(4)
    links[1], links[2] = replace(links[1], content=links[2].content), replace(links[2], content=links[1].content)
    assert follow(ChainEnd(), links)[1] == 2


@pytest.mark.parametrize("end", [ChainEnd(), ChainEnd(12, b"\x00\xff")])
def test_an_end_is_written_as_a_text_and_read(end: ChainEnd) -> None:
    """The text is SEQ:DIGEST."""
    assert ChainEnd.parse(str(end)) == end


@pytest.mark.parametrize("text", ["", ":", "x:00", "-1:00", "²:00", "1:0", "1:xy"])
def test_other_texts_are_no_ends(text: str) -> None:
    """The number must be decimal, and the digest hexadecimal."""
    with pytest.raises(ValueError, match=r"."):
        ChainEnd.parse(text)


def test_the_text_of_an_end() -> None:
    """The digest is hexadecimal."""
    assert str(ChainEnd(12, b"\x00\xff")) == "12:00ff"
