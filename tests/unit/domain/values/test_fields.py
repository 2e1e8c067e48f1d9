"""SKUs, names, descriptions, categories and keys."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import is_blank, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_category, parse_description, parse_key, parse_name, parse_sku

Parse = Callable[[object, FieldErrors, FieldPath], str | None]


def read(parse: Parse, raw: object) -> tuple[str | None, list[str]]:
    """Read a value; return it with the codes of its faults."""
    faults = FieldErrors()
    return parse(raw, faults, ("field",)), [fault.code for fault in faults.found]


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (parse_sku, " ab-1 ", "AB-1"),
        (parse_sku, "9._+-", "9._+-"),
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
def test_a_value_is_read(parse: Parse, raw: object, value: str | None) -> None:
    """Trimmed and upper-cased where the rules say so."""
    assert read(parse, raw) == (value, [])


@pytest.mark.parametrize(
    ("parse", "raw", "code"),
    [
        (parse_sku, None, "required"),
        (parse_sku, 5, "wrong_type"),
        (parse_sku, "  ", "invalid_sku"),
        (parse_sku, "-A", "invalid_sku"),
        (parse_sku, "A/B", "invalid_sku"),
        (parse_sku, "A" * 65, "invalid_sku"),
        (parse_sku, "straße", "invalid_sku"),
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
def test_a_value_that_breaks_its_rule_is_refused(parse: Parse, raw: object, code: str) -> None:
    """With one fault, and its code."""
    assert read(parse, raw) == (None, [code])


def test_a_key_is_an_id_with_or_without_dashes_or_a_sku_in_any_case() -> None:
    """And nothing else."""
    text = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert parse_key(text) == parse_key(text.upper()) == parse_key(text.replace("-", "")) == UUID(text)
    assert parse_key(" chair-1") == "CHAIR-1"
    assert parse_key("no such key") is None
    assert parse_key("ﬀ") is None


@given(st.text())
def test_what_is_read_as_a_sku_is_found_by_itself(text: str) -> None:
    """A SKU is never taken for an id, and reading it again changes nothing."""
    sku, _ = read(parse_sku, text)
    if sku is not None:
        assert parse_key(sku) == sku
        assert read(parse_sku, sku) == (sku, [])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200))
def test_a_name_of_any_script_is_kept_as_it_is(text: str) -> None:
    """But for the white space and what is invisible around it."""
    name = read(parse_name, text)[0]
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
def test_a_name_that_cannot_be_seen_is_blank(text: str) -> None:
    """Whatever it is made of."""
    assert read(parse_name, text) == (None, ["blank"])
    assert read(parse_name, f" {text} ") == (None, ["blank"])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\ufeffLamp\u200b \x00"[:-2], "Lamp"),
        ("\u200dA\u00adB\u200d", "A\u00adB"),
        (" I ❤\ufe0f ", "I ❤\ufe0f"),
        ("\u200b👩\u200d🚀", "👩\u200d🚀"),
        ("Oak\x7f", "Oak"),
        ("abc \u2067שלום\u2069", "abc \u2067שלום\u2069"),
    ],
)
def test_invisible_characters_are_trimmed_but_those_that_shape_text_are_kept(text: str, kept: str) -> None:
    """At the ends of a name; those inside stay."""
    assert read(parse_name, text) == (kept, [])
