"""Categories: the tree, and creating, renaming, moving and deleting them by keyboard and mouse."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, OUTAGE, Browsing, Variant
from tests.browser.services import Service

VIEW = "/?view=categories"
MARKUP = "<b onclick=alert(1)>Beds</b>"

empty = pytest.mark.parametrize("seeded", [False], ids=["empty"])
wide = pytest.mark.parametrize(
    "variant", [Variant("sqlite"), Variant("postgres", identity=True, dark=True)], indirect=True, ids=str
)


@pytest.fixture
def tree(service: Service) -> Service:
    """A small tree with items: home (beds, chairs (stools)), outdoors."""
    for slug, parent in (("home", None), ("beds", "home"), ("chairs", "home"), ("stools", "chairs"), ("outdoors", None)):
        service.create_category(slug, parent)
    for category in ("chairs", "stools"):
        service.create_item(name=f"One of {category}", category=category)
    return service


def row(page: Page, name: str) -> Locator:
    """Return the row of a category in the tree."""
    return page.get_by_role("tree").get_by_role("treeitem", name=name)


def children(service: Service, parent: str | None) -> list[str]:
    """Return the slugs of the children of a category, in order."""
    return [each["slug"] for each in service.call("GET", "/categories")["categories"] if each["parent"] == parent]


def category(service: Service, slug: str) -> dict[str, object]:
    """Return a category."""
    found: dict[str, object] = service.call("GET", f"/categories/{slug}")
    return found


@empty
def test_the_first_category_is_created(open_page: Browsing, service: Service) -> None:
    """The faults of the service are at their fields. The new category has the focus."""
    page = open_page(VIEW)
    expect(page.get_by_role("heading", name="There are no categories yet")).to_be_visible()
    page.locator("main").get_by_role("button", name="New category").last.click()
    dialog = page.get_by_role("dialog", name="New category")
    name, slug = dialog.get_by_role("textbox", name="Name"), dialog.get_by_role("textbox", name="Slug")
    slug.fill("not a slug")
    dialog.get_by_role("button", name="Create").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(dialog.get_by_text("A category slug has up to 100 characters")).to_be_visible()
    name.fill("Home & garden")
    slug.fill("")
    page.keyboard.press("Enter")
    expect(row(page, "Home & garden, 0 items")).to_be_focused()
    page.get_by_role("button", name="Add inside").click()
    dialog = page.get_by_role("dialog", name="New category in Home & garden")
    dialog.get_by_role("textbox", name="Name").fill(MARKUP)
    service.create_category("taken")
    dialog.get_by_role("textbox", name="Slug").fill("taken")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("The category taken already exists")).to_be_visible()
    dialog.get_by_role("textbox", name="Slug").fill("beds")
    page.keyboard.press("Enter")
    expect(row(page, MARKUP)).to_be_focused()
    assert category(service, "beds")["parent"] == "home-garden"
    expect(page.locator("main b")).to_have_count(0)


@empty
def test_a_category_is_renamed_unless_somebody_else_did(open_page: Browsing, tree: Service) -> None:
    """Theirs is shown before mine is put in its place."""
    page = open_page(VIEW)
    row(page, "Beds").focus()
    page.keyboard.press("F2")
    dialog = page.get_by_role("dialog", name="Rename Beds")
    name = dialog.get_by_role("textbox", name="Name")
    expect(name).to_be_focused()
    tree.call("PATCH", "/categories/beds", json={"name": "Bedsteads"})
    name.fill("Beds for all")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Somebody renamed it to “Bedsteads” meanwhile.")).to_be_visible()
    assert category(tree, "beds")["name"] == "Bedsteads"
    page.keyboard.press("Enter")
    expect(row(page, "Beds for all")).to_be_focused()
    assert category(tree, "beds")["name"] == "Beds for all"


@empty
@wide
def test_a_category_is_moved_by_keyboard(open_page: Browsing, tree: Service) -> None:
    """Alt and the arrows move it, and each step is spoken; several in a row are made one after the other."""
    page = open_page(VIEW)
    spoken = page.locator("categories-view > [role=status]").last
    chairs = row(page, "Chairs")
    chairs.focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(spoken).to_have_text("Chairs: 1 of 2 in Home.")
    assert children(tree, "home") == ["chairs", "beds"]
    page.keyboard.press("Alt+ArrowUp")
    expect(spoken).to_have_text("Chairs can't move further.")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowRight")
    expect(spoken).to_have_text("Chairs: 1 of 1 in Beds.")
    assert children(tree, "beds") == ["chairs"]
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowLeft")
    expect(spoken).to_have_text("Chairs: 2 of 3 at the top level.")
    assert children(tree, None) == ["home", "chairs", "outdoors"]
    expect(chairs).to_be_focused()
    assert page.url.endswith(VIEW)


@empty
@wide
def test_a_category_is_dragged_and_brought_back(open_page: Browsing, tree: Service) -> None:
    """Onto another one or between two, but not into itself."""
    page = open_page(VIEW)
    row(page, "Outdoors").drag_to(row(page, "Home"))
    expect(page.get_by_text("Moved Outdoors into Home.")).to_be_visible()
    assert children(tree, "home") == ["beds", "chairs", "outdoors"]
    row(page, "Outdoors").drag_to(row(page, "Beds"), target_position={"x": 80, "y": 2})
    expect(page.locator(".tree-row").nth(1)).to_contain_text("Outdoors")
    assert children(tree, "home") == ["outdoors", "beds", "chairs"]
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator(".tree-row").nth(1)).to_contain_text("Beds")
    assert children(tree, "home") == ["beds", "chairs", "outdoors"]
    row(page, "Home").drag_to(row(page, "Stools"))
    assert children(tree, None) == ["home"]
    # What somebody else has changed is not moved before it has been seen.
    tree.call("PATCH", "/categories/stools", json={"name": "Bar stools"})
    row(page, "Stools").drag_to(row(page, "Beds"))
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this category meanwhile")
    expect(row(page, "Bar stools")).to_be_visible()
    assert category(tree, "stools")["parent"] == "chairs"


@empty
def test_a_category_is_moved_with_the_dialog(open_page: Browsing, tree: Service) -> None:
    """To another parent, and before one of its children."""
    page = open_page(f"{VIEW}&category=stools")
    page.get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog", name="Move Stools")
    dialog.get_by_role("combobox", name="Parent").select_option("home")
    dialog.get_by_role("combobox", name="Place").select_option(label="Before Beds")
    dialog.get_by_role("button", name="Move").click()
    expect(row(page, "Stools")).to_be_focused()
    assert children(tree, "home") == ["stools", "beds", "chairs"]
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "Stools")).to_have_attribute("aria-level", "3")
    assert children(tree, "chairs") == ["stools"]


@empty
def test_a_category_is_deleted_and_its_content_moved(open_page: Browsing, tree: Service) -> None:
    """One with content asks where it should move; an empty one does not."""
    page = open_page(f"{VIEW}&category=chairs")
    page.locator("aside").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete Chairs?")
    expect(dialog.get_by_text("It has 1 item and 1 subcategory.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete").click()
    target = dialog.get_by_role("combobox", name="Move them to")
    expect(target).to_have_attribute("aria-invalid", "true")
    assert "stools" not in target.locator("option").evaluate_all("options => options.map((each) => each.value)")
    target.select_option("outdoors")
    dialog.get_by_role("button", name="Delete").click()
    expect(row(page, "Outdoors, 2 items")).to_be_focused()
    assert children(tree, "outdoors") == ["stools"]
    assert children(tree, "home") == ["beds"]
    row(page, "Beds").focus()
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete Beds?")
    expect(dialog.get_by_text("It has no items and no subcategories.")).to_be_visible()
    # Somebody puts an item into it meanwhile.
    tree.create_item(name="Bed", category="beds")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("combobox", name="Move them to")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "Beds")).to_be_focused()


@empty
def test_the_chosen_category_is_in_the_address(open_page: Browsing, tree: Service) -> None:
    """A link shows it, and its items are a link away."""
    page = open_page(f"{VIEW}&category=stools")
    expect(row(page, "Stools")).to_have_attribute("aria-selected", "true")
    row(page, "Chairs").click()
    expect(page.get_by_role("heading", name="Chairs")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Chairs")).to_be_visible()
    page.get_by_role("link", name="Show 2 items").click()
    expect(page.get_by_role("list", name="Chosen filters")).to_contain_text("Category: Chairs")
    page.go_back()
    expect(page.get_by_role("heading", name="Chairs")).to_be_visible()


@empty
def test_two_browsers_see_each_others_changes(open_page: Browsing, tree: Service) -> None:
    """The tree and its numbers follow, and the focus stays."""
    one, other = open_page(VIEW), open_page(VIEW)
    row(other, "Chairs").focus()
    row(one, "Beds").focus()
    one.keyboard.press("Alt+ArrowDown")
    expect(other.locator(".tree-row").nth(1)).to_contain_text("Chairs")
    expect(row(other, "Chairs")).to_be_focused()
    tree.create_item(name="Stool", category="stools")
    expect(row(other, "Home, 3 items")).to_be_visible()


@empty
@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_who_may_not_change_categories_only_sees_them(open_page: Browsing, tree: Service) -> None:
    """No buttons, no keys, no dragging, and a word about it."""
    page = open_page(VIEW, role="user")
    expect(page.get_by_text("To change them takes the scope items:write.")).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    row(page, "Beds").click()
    expect(page.get_by_role("heading", name="Beds")).to_be_visible()
    page.keyboard.press("F2")
    page.keyboard.press("Delete")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert children(tree, "home") == ["beds", "chairs"]


@empty
@pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)
def test_a_view_that_found_no_service_shows_the_tree_later(open_page: Browsing, tree: Service) -> None:
    """When the service is back."""
    open_page.allow(OUTAGE)
    page = open_page("/")
    tree.stop()
    page.get_by_role("link", name="Categories").click()
    expect(page.get_by_role("heading", name="The service can't be reached")).to_be_visible()
    tree.start()
    expect(row(page, "Home")).to_be_visible()


@empty
@pytest.mark.parametrize("variant", [Variant("memory")], indirect=True, ids=str)
def test_a_thousand_categories_are_found_by_name(open_page: Browsing, service: Service) -> None:
    """They are closed at first, and found with those above them."""
    for first in range(10):
        service.create_category(f"c-{first}")
        for second in range(9):
            service.create_category(f"c-{first}-{second}", f"c-{first}")
            for third in range(10):
                service.create_category(f"c-{first}-{second}-{third}", f"c-{first}-{second}")
    page = open_page(VIEW)
    expect(page.get_by_text("1,000 categories")).to_be_attached()
    expect(page.get_by_role("treeitem")).to_have_count(10)
    seek = page.get_by_role("searchbox", name="Find a category")
    seek.fill("C-7-3-5")
    expect(page.get_by_role("treeitem")).to_have_count(3)
    seek.fill("nothing")
    expect(page.get_by_text("No category has this name.")).to_be_visible()
    seek.fill("c")
    expect(page.get_by_role("treeitem")).to_have_count(1000)


@empty
@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_categories_look_good_in_every_look(open_page: Browsing, tree: Service) -> None:
    """With long names too."""
    tree.create_category("long", "beds", "Donaudampfschifffahrtsgesellschaftskapitaensmuetze " * 3)
    page = open_page(f"{VIEW}&category=long")
    expect(row(page, "Donaudampf")).to_be_visible()
    assert_accessible(page)
    open_page.screenshot(page, "categories")
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)
    open_page.screenshot(page, "categories-move")
