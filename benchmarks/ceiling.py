"""The ceiling: bare Litestar routes that return the bytes of an item and of a page, without middleware or a store.

CEILING_ITEM and CEILING_PAGE are the paths of files with these bytes.
"""

import os
from pathlib import Path

from litestar import Litestar, Response, get

_ITEM = Path(os.environ["CEILING_ITEM"]).read_bytes()
_PAGE = Path(os.environ["CEILING_PAGE"]).read_bytes()


@get("/item", sync_to_thread=False)
def item() -> Response[bytes]:
    """Return the bytes of an item."""
    return Response(_ITEM, media_type="application/json")


@get("/page", sync_to_thread=False)
def page() -> Response[bytes]:
    """Return the bytes of a page."""
    return Response(_PAGE, media_type="application/json")


app = Litestar([item, page], openapi_config=None, logging_config=None)
