"""Faults are collected: some in full, all of them counted."""

import pytest

from catalog.domain.errors import InvalidInput, InvalidQuery, ItemNotFound, shorten
from catalog.domain.validation import MAX_ERRORS, MAX_MESSAGE, FieldErrors


def test_nothing_wrong_is_no_error() -> None:
    """And falsy."""
    faults = FieldErrors()
    assert not faults
    faults.raise_if_any()


def test_the_first_hundred_are_kept_and_all_are_counted() -> None:
    """The message says how many are left out, and is made only when it is asked for."""
    faults = FieldErrors()
    for number in range(MAX_ERRORS + 5):
        faults.add(("field",), "wrong", f"{number} is wrong.")
    with pytest.raises(InvalidQuery, match="0 is wrong") as caught:
        faults.raise_if_any(InvalidQuery)
    assert (len(caught.value.errors), caught.value.total) == (MAX_ERRORS, MAX_ERRORS + 5)
    assert str(caught.value).endswith("99 is wrong.; and 5 more")
    assert caught.value.args == ()


def test_what_was_sent_is_repeated_in_part() -> None:
    """In paths, in messages, and in errors of one sentence."""
    faults = FieldErrors()
    faults.add(("x" * 1_000, 7), "wrong", "y" * 1_000)
    (fault,) = faults.found
    assert fault.path == ("x" * 100 + "…", 7)
    assert fault.message == "y" * MAX_MESSAGE + "…"
    assert shorten("short") == "short"
    assert str(ItemNotFound("x" * 1_000)) == f"There is no item {'x' * 100}…."


def test_unknown_names_are_suggested_and_what_is_allowed_is_noted_once() -> None:
    """A few of them: comparing takes time."""
    faults = FieldErrors()
    for number in range(MAX_ERRORS + 5):
        faults.add_unknown(
            (f"nam{number}",), "unknown", "There is no such field.", ("name", "price"), "There are name and price."
        )
    faults.add_unknown(("field",), "unknown", "There is no such field.", ("name",), "Not noted: no fault is kept with it.")
    assert faults.found[0].message == "There is no such field; did you mean name?"
    assert faults.found[-1].message == "There is no such field."
    assert faults.notes == ["There are name and price."]
    assert str(faults.to_error(InvalidInput)).endswith("There are name and price.")
    named = FieldErrors()
    named.add_unknown(("fields",), "unknown", "There is no such field.", ("name",), "There is name.", "namee")
    named.add_unknown(("fields",), "unknown", "There is no such field.", ("name",), "There is name.", "n" * 100)
    assert [fault.message[22:] for fault in named.found] == ["; did you mean name?", "."]


def test_faults_of_an_error_are_taken_over() -> None:
    """With their number and notes."""
    faults, other = FieldErrors(), FieldErrors()
    for number in range(MAX_ERRORS + 1):
        other.add_unknown((str(number),), "unknown", "No.", (), "A note.")
    faults.add(("a",), "wrong", "A is wrong.")
    faults.extend(other.to_error(InvalidInput))
    faults.extend(other.to_error(InvalidInput))
    assert (len(faults.found), faults.total, faults.notes) == (MAX_ERRORS, 2 * MAX_ERRORS + 3, ["A note."])
