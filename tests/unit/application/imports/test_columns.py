"""Headers: which columns are which fields, and which become attributes."""

import pytest

from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.imports.attribute_columns import detect_type
from catalog.application.imports.attribute_names import fit_name
from catalog.application.imports.column_detection import ColumnDetection
from catalog.application.imports.plan import ImportPlan
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.validation import FieldErrors


def detect(header: str, plan: ImportPlan | None = None, *cells: str) -> ColumnDetection:
    """Return what is decided about a header, and a sample of one row per text of cells."""
    columns = tuple(header.split(","))
    rows = [Row(2, {name: cell for name, cell in zip(columns, text.split(","), strict=True) if cell}) for text in cells]
    return (plan or ImportPlan()).layout(columns, [*rows, MalformedRow(3, "broken")])[1]


def test_case_spaces_underscores_and_hyphens_do_not_matter() -> None:
    """But other words do."""
    detection = detect(" Sku ,Attr.Colour,created-at,NA_ME,Product Name", ImportPlan(preserve=True))
    assert detection.mapping == {"sku": " Sku ", "attr.colour": "Attr.Colour", "created_at": "created-at", "name": "NA_ME"}
    assert detection.ignored == ("Product Name",)


def test_the_exact_name_wins_and_otherwise_a_field_has_one_column() -> None:
    """Read-only fields matter only if they are preserved."""
    assert detect("SKU,sku,ID,Id,name").mapping == {"sku": "sku", "name": "name"}
    with pytest.raises(InvalidFile, match=r"Duplicate columns in the header: Sku, SKU\."):
        detect("Sku,SKU")
    with pytest.raises(InvalidFile, match=r"Duplicate columns in the header: ID, Id\."):
        detect("sku,ID,Id", ImportPlan(preserve=True))


def test_other_names_for_fields_are_offered_and_not_taken() -> None:
    """In the error, or if there is a SKU, as a warning. Constants and mapped columns need no offer."""
    with pytest.raises(InvalidFile) as caught:
        detect("Artikelnummer,Bezeichnung,Preis")
    message = str(caught.value)
    for part in ("None of its columns is a field.", "map=sku=Artikelnummer", "map=name=Bezeichnung", "map=price=Preis"):
        assert part in message
    with pytest.raises(InvalidFile, match=r"map=sku=SKUS\."):
        detect("SKUS,name")
    with pytest.raises(InvalidFile, match="map=sku=COLUMN"):
        detect("x,name")
    plan = ImportPlan.parse(["description=Details"], ["price=5"])
    assert detect("sku,Titel,Preis,Details", plan).warnings == ("The column Titel may be the name: map=name=Titel.",)


def test_mapped_columns_are_found_by_similar_names_too() -> None:
    """Unless several are similar."""
    assert detect("Item No,name", ImportPlan.parse(["sku=item no"])).mapping["sku"] == "Item No"
    assert detect("sku,Name", ImportPlan.parse(["attr.x=Name"])).mapping == {"sku": "sku", "attr.x": "Name"}
    with pytest.raises(InvalidQuery, match="no column item no for sku"):
        detect("Item No,ITEM-NO", ImportPlan.parse(["sku=item no"]))


def test_a_file_without_a_header_is_decided_by_its_rows() -> None:
    """A field that two names of a row match is left out; types stay those of JSON."""
    plan = ImportPlan.parse(attributes="Shelf,Row", cell_types="auto")
    rows = [Row(1, {"SKU": "a", "price": "12,50", "Shelf": "7"})]
    layout, detection = plan.layout(None, rows)
    assert (detection.decimal, dict(detection.types), detection.attributes) == ("comma", {}, ("Shelf",))
    assert layout.fields(rows[0].values, FieldErrors())["attributes"] == {"shelf": "7"}
    layout, ignored = plan.layout_of_names(("SKU", "Sku", "price", "Row"), detection)
    fields = layout.fields({"SKU": "a", "Sku": "b", "price": "1.299", "Row": 3}, FieldErrors())
    assert (fields, ignored) == ({"price": {"amount": "1299"}, "attributes": {"row": 3}}, ("SKU", "Sku"))
    with pytest.raises(InvalidFile, match="map=name=title"):
        plan.layout(None, [Row(1, {"title": "a"})])


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("Weight (kg)", "weight_kg"),
        ("Größe", "groesse"),
        ("a__b", "a__b"),
        ("2nd", "n_2nd"),
        ("Цвет", "tsvet"),
        ("颜色", None),
        ("%", None),
        ("9" + "x" * 70, "n_9" + "x" * 61),
    ],
)
def test_names_are_made_fit_for_attributes(name: str, fit: str | None) -> None:
    """By the rule that the guide describes."""
    assert fit_name(name) == fit


def test_other_columns_become_attributes() -> None:
    """All that have a name of their own, or those that are named. Collisions are named once."""
    plan = ImportPlan.parse(["attr.x=Shelf"], attributes="all")
    detection = detect("sku,id,Shelf,Weight (kg),weight kg,x,column 7,twice,twice,颜色", plan)
    assert detection.mapping == {"sku": "sku", "attr.x": "Shelf", "attr.weight_kg": "Weight (kg)"}
    assert detection.ignored == ("weight kg", "x", "column 7", "twice", "颜色")
    assert [word in text for word, text in zip(("weight kg", "attr.x", "颜色"), detection.warnings, strict=True)] == [True] * 3
    assert detection.describe() == "1 column taken as an attribute; 5 columns ignored"
    detection = detect("sku,a,b,c,name", ImportPlan.parse(attributes="A, b,name"))
    assert (detection.attributes, detection.describe()) == (("a", "b", "name"), "3 columns taken as attributes; 1 column ignored")
    assert detect("sku,attr.a", ImportPlan.parse(attributes="attr.a")).attributes == ()
    with pytest.raises(InvalidQuery, match="no column z for an attribute"):
        detect("sku", ImportPlan.parse(attributes="z"))


def test_attribute_columns_with_one_name_or_none_are_named() -> None:
    """Once for the file."""
    detection = detect("sku,attr.Colour,attr.colour,attr.Shade,ATTR.shade,attr.颜色,attr.")
    assert detection.mapping == {"sku": "sku", "attr.colour": "attr.colour", "attr.shade": "attr.Shade"}
    assert [warning.split(";")[0] for warning in detection.warnings] == [
        "The columns attr.Colour, attr.colour are all attr.colour",
        "The columns attr.Shade, ATTR.shade are all attr.shade",
        "No attribute name can be made from attr.颜色",
    ]


@pytest.mark.parametrize(
    ("cells", "type_name"),
    [
        (["-3", "0", None], "integer"),
        (["1", "0"], "integer"),
        (["1.5", "2", 7], "number"),
        (["yes", "FALSE", "1", "wahr"], "boolean"),
        (["007", "1"], None),
        (["1,000"], None),
        (["1", "N/A"], None),
        (["1e3"], None),
        (["9223372036854775808"], None),
        ([1, 2], None),
    ],
)
def test_the_type_of_a_column_is_that_of_all_its_cells(cells: list[object], type_name: str | None) -> None:
    """What would lose something stays text."""
    assert detect_type(cells) == type_name


def test_a_later_cell_of_another_type_is_refused_with_the_cure() -> None:
    """Types that are given are not detected."""
    plan = ImportPlan.parse(types=["attr.b=text"], cell_types="auto")
    layout, detection = plan.layout(("sku", "attr.a", "attr.b"), [Row(2, {"sku": "1", "attr.a": "1", "attr.b": "2"})])
    assert detection.types == {"attr.a": "integer", "attr.b": "text"}
    layout.fields({"sku": "2", "attr.a": "N/A"}, errors := FieldErrors())
    assert [(error.code, error.cure) for error in errors.found] == [("wrong_type", "type=attr.a=text")]
