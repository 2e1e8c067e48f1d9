"""Headers and plans: which columns a file must have, and which it may have."""

import pytest

from catalog.application.imports.plan import ImportPlan
from catalog.domain.errors import InvalidFile, InvalidQuery
from tests.unit.application.imports.trial import Trial


def test_every_error_of_a_plan_is_reported() -> None:
    """With the option and a code."""
    with pytest.raises(InvalidQuery) as caught:
        ImportPlan.parse(["name", "titel=x", "attr.=x", "sku=a", "sku=b"], ["price="], ["attr.a=date", "name=text"])
    assert [(error.path[0], error.code) for error in caught.value.errors] == [
        ("map", "no_pair"),
        ("map", "unknown_field"),
        ("map", "unknown_field"),
        ("map", "repeated_field"),
        ("set", "no_pair"),
        ("type", "unknown_type"),
        ("type", "unknown_type"),
    ]


async def test_a_mapped_column_must_exist(trial: Trial) -> None:
    """If the file has a header."""
    with pytest.raises(InvalidQuery, match=r"no column titel for name\. Its columns: sku, title"):
        await trial.csv("sku,title\n", ImportPlan.parse(["name=titel"]))


async def test_a_header_must_have_a_sku(trial: Trial) -> None:
    """Or the plan a constant for it. The error lists the columns and suggests a fix."""
    for text, message in {
        "SKUS,title\n": r"no column sku.* Its columns: SKUS, title\. .*map=sku=SKUS",
        "\x1b]0;x\x07,b\n": r"Its columns: \\x1b\]0;x\\x07, b",
        ",".join(f"c{number}" for number in range(30)): "c19 and 10 more",
    }.items():
        with pytest.raises(InvalidFile, match=message):
            await trial.csv(text)
    report = await trial.csv("name\nA\n", ImportPlan.parse(constants=["sku=x"]))
    assert report.created == 1


async def test_ignored_columns_may_be_blank_or_repeated(trial: Trial) -> None:
    """A column without a name is named after its position. Used columns must be unique."""
    report = await trial.csv(",sku,name,x,x\n7,A,One,1,2\n", ImportPlan.parse(["attr.n=column 1"]))
    assert (report.created, list(report.ignored)) == (1, ["x"])
    assert dict((await trial.item("A")).attributes) == {"n": "7"}
    with pytest.raises(InvalidFile, match="Duplicate columns in the header: name"):
        await trial.csv("sku,name,name\n")
    with pytest.raises(InvalidFile, match="Duplicate columns in the header: id"):
        await trial.csv("sku,name,id,id\n", ImportPlan(preserve=True))


def test_a_single_column_that_has_delimiters_names_the_delimiter() -> None:
    """If the given delimiter is wrong."""
    with pytest.raises(InvalidFile, match="set the delimiter to ;"):
        ImportPlan().layout(("sku;name",))
