"""The ceiling: a bare Litestar route that answers with the bytes of an item, and nothing around it."""

from litestar import Litestar, Response, get

_ITEM = (
    b'{"id":"01a1fa1c-9f32-758f-8092-e6a65ca6c066","sku":"GAR-0001","name":"Folding chair, anthracite","description":'
    b'"A folding chair in anthracite, made of ash.","category":"garden-chairs","price":{"amount":"39.00","currency":"EUR"},'
    b'"attributes":{"colour":"anthracite","in_stock":false,"material":"ash","weight_g":120},"version":1,'
    b'"created_at":"2026-11-20T17:59:02.194080Z","updated_at":"2026-11-20T17:59:02.194080Z"}'
)


@get("/item", sync_to_thread=False)
def item() -> Response[bytes]:
    """Answer."""
    return Response(_ITEM, media_type="application/json")


app = Litestar([item], openapi_config=None, logging_config=None)
