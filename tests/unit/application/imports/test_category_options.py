"""Options of an import: the separator of category paths, and what empty cells do."""

import pytest

from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.profiles import Profile
from catalog.domain.errors import InvalidQuery


@pytest.mark.parametrize("separator", ["", "  ", "\u200b", ">" * 11])
def test_a_separator_that_separates_nothing_is_refused(separator: str) -> None:
    """The error names the option and what it may be."""
    with pytest.raises(InvalidQuery, match="category_separator must have 1 to 10 characters") as caught:
        ImportPlan.parse(category_separator=separator)
    assert [(error.path, error.code) for error in caught.value.errors] == [(("category_separator",), "invalid_separator")]


@pytest.mark.parametrize("value", ["1", "' '", "'>>>>>>>>>>>'"])
def test_a_profile_has_a_valid_separator(value: str) -> None:
    """The error says which member is invalid, and what it may be."""
    with pytest.raises(InvalidQuery, match=r"The profile p is invalid: The category_separator must have .*, not [^.]+\.$"):
        Profile.parse(f"category_separator = {value}", "p")


def test_a_separator_is_taken_without_the_spaces_around_it() -> None:
    """Names are too."""
    assert ImportPlan.parse(category_separator=" :: ").separator == "::"


def test_an_unknown_effect_of_empty_cells_is_refused() -> None:
    """It does not count as the default."""
    with pytest.raises(InvalidQuery, match="The option empty must be keep or clear, not 'erase'") as caught:
        ImportPlan.parse(empty="erase")  # type: ignore[arg-type]
    assert [(error.path, error.code) for error in caught.value.errors] == [(("empty",), "invalid_choice")]


def test_the_caller_s_separator_wins_over_that_of_the_profile() -> None:
    """Without both, it is a greater-than sign."""
    assert ImportPlan.parse(profile="magento", category_separator="|").separator == "|"
    assert ImportPlan.parse(profile="magento").separator == "/"
    assert ImportPlan.parse(profile="amazon").separator == ImportPlan().separator == ">"
