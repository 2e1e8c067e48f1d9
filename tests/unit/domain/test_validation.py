"""Validation errors are collected: the first ones are kept, and all are counted."""

import pytest

from catalog.domain.errors import InvalidInput, InvalidQuery, ItemNotFound, shorten
from catalog.domain.validation import MAX_ERRORS, MAX_MESSAGE, FieldErrors


def test_without_errors_nothing_is_raised() -> None:
    """Empty errors are falsy."""
    errors = FieldErrors()
    assert not errors
    errors.raise_if_any()


def test_the_first_hundred_errors_are_kept_and_all_are_counted() -> None:
    """The message says how many are omitted. It is built only when it is needed."""
    errors = FieldErrors()
    for number in range(MAX_ERRORS + 5):
        errors.add(("field",), "wrong", f"{number} is wrong.")
    with pytest.raises(InvalidQuery, match="0 is wrong") as caught:
        errors.raise_if_any(InvalidQuery)
    assert (len(caught.value.errors), caught.value.total) == (MAX_ERRORS, MAX_ERRORS + 5)
    assert str(caught.value).endswith("99 is wrong.; and 5 more")
    assert caught.value.args == ()


def test_long_input_is_shortened_in_messages() -> None:
    """This applies to paths, to messages of field errors, and to other errors."""
    errors = FieldErrors()
    errors.add(("x" * 1_000, 7), "wrong", "y" * 1_000)
    (error,) = errors.found
    assert error.path == ("x" * 100 + "…", 7)
    assert error.message == "y" * MAX_MESSAGE + "…"
    assert shorten("short") == "short"
    assert str(ItemNotFound("x" * 1_000)) == f"There is no item {'x' * 100}…."


def test_unknown_names_get_suggestions_and_one_note_with_the_allowed_names() -> None:
    """Only the first unknown names get a suggestion, because comparing takes time."""
    errors = FieldErrors()
    for number in range(MAX_ERRORS + 5):
        errors.add_unknown(
            (f"nam{number}",), "unknown", "There is no such field.", ("name", "price"), "There are name and price."
        )
    errors.add_unknown(("field",), "unknown", "There is no such field.", ("name",), "Not noted: its error is not kept.")
    assert errors.found[0].message == "There is no such field; did you mean name?"
    assert errors.found[-1].message == "There is no such field."
    assert errors.notes == ["There are name and price."]
    assert str(errors.to_error(InvalidInput)).endswith("There are name and price.")
    named = FieldErrors()
    named.add_unknown(("fields",), "unknown", "There is no such field.", ("name",), "There is name.", "namee")
    named.add_unknown(("fields",), "unknown", "There is no such field.", ("name",), "There is name.", "n" * 100)
    assert [error.message[22:] for error in named.found] == ["; did you mean name?", "."]


def test_the_errors_of_another_error_can_be_added() -> None:
    """Their number and their notes are added too."""
    errors, other = FieldErrors(), FieldErrors()
    for number in range(MAX_ERRORS + 1):
        other.add_unknown((str(number),), "unknown", "No.", (), "A note.")
    errors.add(("a",), "wrong", "A is wrong.")
    errors.extend(other.to_error(InvalidInput))
    errors.extend(other.to_error(InvalidInput))
    assert (len(errors.found), errors.total, errors.notes) == (MAX_ERRORS, 2 * MAX_ERRORS + 3, ["A note."])
