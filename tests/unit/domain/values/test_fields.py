"""SKUs, names, descriptions, categories and keys."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import is_blank, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_category, parse_description, parse_name
from catalog.domain.values.sku import parse_key, parse_sku

Parse = Callable[[object, FieldErrors, FieldPath], str | None]


def run(parse: Parse, raw: object) -> tuple[str | None, list[str]]:
    """Parse a value; return it with the codes of its errors."""
    errors = FieldErrors()
    return parse(raw, errors, ("field",)), [error.code for error in errors.found]


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (parse_sku, " ab-1 ", "AB-1"),
        (parse_sku, "9._+-", "9._+-"),
        (parse_sku, "-A", "-A"),
        (parse_sku, " 12/34 a#&(*)\u3000", "12/34 A#&(*)"),
        (parse_sku, "ти-12ab", "ти-12AB"),
        (parse_sku, "straße", "STRAßE"),
        (parse_sku, "e\u0301", "\u00e9"),
        (parse_sku, "L\u2019E\u0301TE\u0301-1", "L\u2019\u00c9T\u00c9-1"),
        (parse_sku, "\U0001f600" * 64, "\U0001f600" * 64),
        (parse_sku, "A" * 64, "A" * 64),
        (parse_name, "\u3000Stuhl\t", "Stuhl"),
        (parse_name, "ß" * 200, "ß" * 200),
        (parse_description, None, None),
        (parse_description, "", None),
        (parse_description, " x ", " x "),
        (parse_category, None, None),
        (parse_category, "garden-chairs-2", "garden-chairs-2"),
    ],
)
def test_a_valid_value_is_accepted(parse: Parse, raw: object, value: str | None) -> None:
    """SKUs are trimmed and upper-cased, names are trimmed."""
    assert run(parse, raw) == (value, [])


@pytest.mark.parametrize(
    ("parse", "raw", "code"),
    [
        (parse_sku, None, "required"),
        (parse_sku, 5, "wrong_type"),
        (parse_sku, "  ", "invalid_sku"),
        (parse_sku, "A\tB", "invalid_sku"),
        (parse_sku, "'0012", "invalid_sku"),
        (parse_sku, "A\u00a0B", "invalid_sku"),
        (parse_sku, "A\u200bB", "invalid_sku"),
        (parse_sku, "A\u3164B", "invalid_sku"),
        (parse_sku, "A\ufffdB", "invalid_sku"),
        (parse_sku, "\u200b", "invalid_sku"),
        (parse_sku, "A" * 65, "invalid_sku"),
        (parse_sku, "A\x00", "invalid_text"),
        (parse_sku, "01890a5d-ac96-774b-bcce-b302099a8057", "sku_like_id"),
        (parse_sku, "01890A5DAC96774BBCCEB302099A8057", "sku_like_id"),
        (parse_name, None, "required"),
        (parse_name, " \u2003", "blank"),
        (parse_name, "x" * 201, "too_long"),
        (parse_name, "a\x00b", "invalid_text"),
        (parse_name, "a\ud800b", "invalid_text"),
        (parse_name, ["x"], "wrong_type"),
        (parse_description, "x" * 10_001, "too_long"),
        (parse_description, "\udfff", "invalid_text"),
        (parse_category, "Garden", "invalid_slug"),
        (parse_category, "a--b", "invalid_slug"),
        (parse_category, "a" * 101, "invalid_slug"),
        (parse_category, "", "invalid_slug"),
        (parse_category, 1, "wrong_type"),
    ],
)
def test_an_invalid_value_is_rejected(parse: Parse, raw: object, code: str) -> None:
    """There is exactly one error."""
    assert run(parse, raw) == (None, [code])


def test_a_key_is_an_id_with_or_without_dashes_or_a_sku_in_any_case() -> None:
    """Anything else is not a key."""
    text = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert parse_key(text) == parse_key(text.upper()) == parse_key(text.replace("-", "")) == UUID(text)
    assert parse_key(" chair-1") == "CHAIR-1"
    assert parse_key(" 12/34 a ") == "12/34 A"
    assert parse_key("no\tkey") is None
    assert parse_key("") is None


@given(st.text())
def test_a_parsed_sku_is_its_own_key(text: str) -> None:
    """A SKU is never taken for an id, and parsing it again changes nothing."""
    sku, _ = run(parse_sku, text)
    if sku is not None:
        assert parse_key(sku) == sku
        assert run(parse_sku, sku) == (sku, [])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200))
def test_a_name_in_any_script_is_preserved(text: str) -> None:
    """Only leading and trailing white space and invisible characters are removed."""
    name = run(parse_name, text)[0]
    assert name == (None if is_blank(text) else trim(text))
    assert name is None or (name in text and trim(name) == name)


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\u00ad\u200d",
        "\ufeff \u2060",
        "\u3164",
        "\uffa0\u115f",
        "\ufe0f",
        "\u2800",
        "\x01\x7f\u0085",
        "\u2066\u2069",
        "\U000e0041",
    ],
)
def test_a_name_without_visible_characters_is_blank(text: str) -> None:
    """This holds for every kind of invisible character."""
    assert run(parse_name, text) == (None, ["blank"])
    assert run(parse_name, f" {text} ") == (None, ["blank"])


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("\ufeffLamp\u200b \x00"[:-2], "Lamp"),
        ("\u200dA\u00adB\u200d", "A\u00adB"),
        (" I ❤\ufe0f ", "I ❤\ufe0f"),
        ("\u200b👩\u200d🚀", "👩\u200d🚀"),
        ("Oak\x7f", "Oak"),
        ("abc \u2067שלום\u2069", "abc \u2067שלום\u2069"),
    ],
)
def test_invisible_characters_are_trimmed_unless_they_shape_text(text: str, trimmed: str) -> None:
    """They are trimmed at the ends of a name; those inside stay."""
    assert run(parse_name, text) == (trimmed, [])
