"""A route's `Operation` is the only declaration of its parameters: nothing else is read, and contradictions fail at startup."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, get
from litestar.params import FromHeader, FromPath, FromQuery

import catalog.entrypoints.http
from catalog.domain.errors import InvalidQuery
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.openapi.endpoints import endpoints
from catalog.entrypoints.http.openapi.operation import NO_CONTENT, Operation, documented
from catalog.entrypoints.http.requests.access import PUBLIC
from catalog.entrypoints.http.requests.declared_parameters import DeclaredParameters, bind_parameters
from catalog.entrypoints.http.requests.header_parameters import IF_MATCH, LAST_EVENT_ID
from catalog.entrypoints.http.requests.list_parameters import CATEGORY_LIST, EXPORT, LIST
from catalog.entrypoints.http.requests.parameters import Parameter, names
from catalog.entrypoints.http.requests.query_parameters import AS, COUNTS, MOVE_TO
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from tests.http.making import ITEMS

HTTP = Path(catalog.entrypoints.http.__file__).parent


@pytest.fixture
def store() -> str:
    """One kind of store is enough: parameters are read at the edge."""
    return "memory"


def scope(*declared: Parameter, query: str = "", **headers: str) -> dict[str, Any]:
    """Return the ASGI scope of a request to a route that declares these parameters."""
    handler = get("/", sync_to_thread=False)(lambda: None)
    bind_parameters(handler, declared)
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"route_handler": handler, "query_string": query.encode(), "headers": raw}


def refusals(errors: FieldErrors) -> list[tuple[Any, ...]]:
    """Return the path and the code of each error."""
    return [(*error.path, error.code) for error in errors.found]


def test_undeclared_parameters_are_refused_before_they_reach_the_handler() -> None:
    """What the domain would understand makes no difference: the route does not declare it."""
    parameters, errors = read_parameters(scope(AS, COUNTS, query="as=tree&limit=1&sku__in=A&attr.size=1"))
    assert parameters == {"as": ["tree"]}
    assert refusals(errors) == [(name, "unknown_parameter") for name in ("limit", "sku__in", "attr.size")]
    assert errors.notes == ["Allowed parameters: as, counts."]


def test_every_declared_name_of_a_list_reaches_the_handler() -> None:
    """So do attributes, and known fields with an unknown operator, whose error names the operators."""
    for declared in (LIST, CATEGORY_LIST, EXPORT):
        sent = [parameter.name for parameter in declared if not parameter.prefix]
        sent += ["attr.size", "attr.size__gte", "attr.", "version__like"]
        parameters, errors = read_parameters(scope(*declared, query="&".join(f"{name}=1" for name in sent)))
        assert parameters == {name: ["1"] for name in sent}
        assert not errors
    _, errors = read_parameters(scope(*LIST, query="limits=1&offset__gte=1&attr=1&colour__in=x"))
    assert refusals(errors) == [(name, "unknown_parameter") for name in ("limits", "offset__gte", "attr", "colour__in")]
    assert "did you mean limit?" in errors.found[0].message
    assert re.search(r"limit, offset, .*, attr\.NAME, and fields with an operator like sku__ne \(ne, in, .*\)", errors.notes[0])


def test_only_declared_parameters_may_be_repeated() -> None:
    """The declaration says which; a parameter may also be empty, or have signs that are percent-encoded."""
    parameters, errors = read_parameters(scope(*LIST, query="sku=A&sku=B&limit=1&limit=2&&q=a+b%26%FF=&sort"))
    assert parameters == {"sku": ["A", "B"], "limit": ["1", "2"], "q": ["a b&\udcff="], "sort": [""]}
    assert refusals(errors) == [("limit", "repeated_parameter")]


def test_choices_have_their_declared_defaults() -> None:
    """An empty value counts as absent."""
    choices = read_choices(scope(AS, COUNTS, MOVE_TO, query="as=&counts=true&move_to="))
    assert (choices.text(AS), choices.is_true(COUNTS), choices.text(MOVE_TO)) == ("flat", True, "")
    choices = read_choices(scope(AS, COUNTS, query="as=tree"))
    assert (choices.text(AS), choices.is_true(COUNTS)) == ("tree", False)
    with pytest.raises(InvalidQuery) as refused:
        read_choices(scope(AS, COUNTS, query="as=list&move_to=x&counts=1"))
    assert [error.code for error in refused.value.errors] == ["invalid_choice", "unknown_parameter", "invalid_choice"]


def test_a_handler_cannot_read_a_choice_that_its_route_does_not_declare() -> None:
    """This fails for every request, also for one without parameters, so no test of the route can miss it."""
    choices = read_choices(scope(AS))
    with pytest.raises(LookupError, match="does not declare the query parameter move_to"):
        choices.text(MOVE_TO)
    with pytest.raises(LookupError, match="does not declare the query parameter counts"):
        choices.is_true(COUNTS)


def test_a_handler_cannot_read_a_header_that_its_route_does_not_declare() -> None:
    """Before a route is chosen, the middleware reads headers for all routes."""
    declared = scope(IF_MATCH, if_match="*", last_event_id="1")
    assert IF_MATCH.read(declared) == "*"
    with pytest.raises(LookupError, match="does not declare the header parameter Last-Event-ID"):
        LAST_EVENT_ID.read(declared)
    assert LAST_EVENT_ID.read({"headers": declared["headers"]}) == "1"


def test_a_handler_cannot_ignore_the_parameters_that_its_route_declares() -> None:
    """Rejecting all parameters is for routes that declare none."""
    reject_parameters(scope(AS))
    with pytest.raises(LookupError, match="declares parameters that its handler does not read: as"):
        reject_parameters(scope(AS, query="as=tree"))
    with pytest.raises(InvalidQuery) as refused:
        reject_parameters(scope(query="as=tree"))
    assert refused.value.notes == ("This path takes no parameters.",)


def test_a_parameter_is_declared_once() -> None:
    """The same name in another location is another parameter."""
    DeclaredParameters((AS, Parameter("as", "A header.", str, "header")))
    with pytest.raises(TypeError, match="The query parameter as is declared twice"):
        DeclaredParameters((AS, COUNTS, Parameter("as", "Again.", str)))


OPERATION = Operation("probe", "A probe", PUBLIC, responses=(NO_CONTENT,))


@get("/{key:str}", opt=documented(OPERATION), sync_to_thread=False)
def with_query_argument(request: Request[Any, Any, Any], key: FromPath[str], verbose: FromQuery[str]) -> None:
    """Take an argument that Litestar would read from the query string."""


@get("/", opt=documented(OPERATION), sync_to_thread=False)
def with_header_argument(accept: FromHeader[str]) -> None:
    """Take an argument that Litestar would read from the headers."""


@get("/{name:str}", opt=documented(OPERATION), sync_to_thread=False)
def with_unknown_path_parameter(name: FromPath[str]) -> None:
    """Take a parameter of the path that is not described."""


@get("/", sync_to_thread=False)
def without_operation() -> None:
    """Have no documentation."""


@get("/", include_in_schema=False, sync_to_thread=False)
def without_rule() -> None:
    """Have no access rule. In an Operation, it is a required field."""


def hook(_request: Request[Any, Any, Any]) -> None:
    """Check nothing."""


@get("/", opt=documented(OPERATION), before_request=hook, sync_to_thread=False)
def with_hook() -> None:
    """Have a hook in the place of the one that checks the access rule."""


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (with_query_argument, "takes verbose; declare parameters in its Operation"),
        (with_header_argument, "takes accept; declare"),
        (with_unknown_path_parameter, "has the parameter name, which is not among PATH_PARAMETERS"),
        (without_operation, "has no documentation"),
        (without_rule, "has no access rule"),
        (with_hook, "has a before_request of its own"),
    ],
)
def test_what_a_handler_takes_must_be_declared_or_the_application_does_not_start(handler: Any, message: str) -> None:  # noqa: ANN401 - a handler
    """Litestar would read other arguments of a handler from the query string or the headers."""
    with pytest.raises(TypeError, match=re.escape(message)):
        endpoints(Litestar([handler], openapi_config=None).routes)


def test_nothing_reads_parameters_past_the_declarations() -> None:
    """Query strings are read where it is said here, and headers that are no parameters are these."""
    sources = {path.relative_to(HTTP).as_posix(): path.read_text() for path in HTTP.rglob("*.py")}
    readers = {file for file, text in sources.items() if re.search(r"query_string\"\]|\bquery_params\b", text)}
    assert readers == {"idempotency.py", "middleware/cache_keys.py", "requests/query_string.py"}
    assert not [file for file, text in sources.items() if re.search(r"request\.(headers|cookies|url|query)\b", text)]
    lookups = {name for text in sources.values() for name in re.findall(r"(?<!def )\bheader\(\w*\.?scope, ([^)]*)\)", text)}
    assert lookups == {
        *(f'b"{name}"' for name in ("accept", "accept-encoding", "content-encoding", "content-length", "content-type", "origin")),
        *('b"transfer-encoding"', 'b"user-agent"', 'b"cookie"', 'b"access-control-request-method"'),
        "self.lookup_name",
    }


async def test_a_route_refuses_what_only_another_route_declares(client: httpx.AsyncClient) -> None:
    """An export has no pages, and a list no format, although the same code could read both."""
    for query in ("limit=1", "count=exact", "cursor=x"):
        assert (await client.get(f"{ITEMS}/export?{query}")).status_code == 422
    for query in ("format=csv", "proof=true", "descendants=false"):
        assert (await client.get(f"{ITEMS}?{query}")).status_code == 422
    assert "descendants" in names(CATEGORY_LIST)
