"""SKUs in paths through nginx: it passes them on as they are, unless `proxy_pass` has a path. Needs nginx, which CI installs."""

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.test_process import ITEMS, serving
from tests.servers import NGINX, nginx

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

SKUS = ("12/34-A", "A//B", "A/HISTORY", "A/../B", "50%", "50%2F", "ГРУША 5", "A?B=C", "#42", "A+B", "A&B")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of nginx in front of a server: `/` and `/shop` keep the path as it was sent, `/decoded` does not."""
    folder = tmp_path_factory.mktemp("proxy")
    with serving(folder, "memory://", CATALOG_HTTP__TRUSTED_PROXIES="127.0.0.1") as server:
        locations = (
            f"location / {{ proxy_pass {server.url}; }}",
            f"location /shop/ {{ proxy_pass {server.url}; proxy_set_header X-Forwarded-Prefix /shop; }}",
            f"location /decoded/ {{ proxy_pass {server.url}/; proxy_set_header X-Forwarded-Prefix /decoded; }}",
        )
        with nginx("\n".join(locations)) as url:
            yield url


@pytest.mark.parametrize("prefix", ["", "/shop"])
@pytest.mark.parametrize("sku", SKUS)
def test_a_sku_reaches_its_item_if_proxy_pass_has_no_path(proxy: str, prefix: str, sku: str) -> None:
    """Catalog strips the prefix itself, so that the path does not have to be rewritten."""
    path = f"{prefix}{ITEMS}/{quote(sku, safe='')}"
    with httpx.Client(base_url=proxy) as client:
        created = client.put(path, json={"name": "Before"})
        assert (created.status_code, created.json()["sku"]) == (201, sku)
        assert created.headers["location"] == f"{prefix}{ITEMS}/{created.json()['id']}"
        assert client.get(path).json() == client.get(path).json() == created.json()
        changed = client.patch(path, json={"name": "After"}, headers={"If-Match": created.headers["etag"]})
        assert changed.json()["version"] == 2
        assert client.patch(f"{path}/price", json={"amount": "5", "currency": "EUR"}).json()["version"] == 3
        assert [change["sku"] for change in client.get(f"{path}/history").json()["changes"]] == [sku] * 3
        assert client.delete(path).status_code == 204
        assert client.post(f"{path}/restore").json()["sku"] == sku
        assert client.delete(path).status_code == 204


def test_a_path_in_proxy_pass_decodes_slashes(proxy: str) -> None:
    """Then a SKU with a slash is another path: of no item, or of something else. Ids and other SKUs work."""
    with httpx.Client(base_url=proxy) as client:
        ids = {
            sku: client.post(ITEMS, json={"sku": sku, "name": "x"}).json()["id"] for sku in ("CHAIR", "CHAIR/1", "CHAIR/HISTORY")
        }
        for sku in ("CHAIR/1", "CHAIR/HISTORY"):
            assert client.get(f"{ITEMS}/{quote(sku, safe='')}").json()["id"] == ids[sku]
        decoded = f"/decoded{ITEMS}"
        assert client.get(f"{decoded}/CHAIR%2F1").status_code == 404
        assert client.get(f"{decoded}/CHAIR%2Fhistory").json()["changes"][0]["item_id"] == ids["CHAIR"]
        assert client.get(f"{decoded}/{ids['CHAIR/1']}").json()["sku"] == "CHAIR/1"
        for sku in ("50%", "50%2F", "ГРУША 5", "A?B=C", "#42", "A+B"):
            assert client.put(f"{decoded}/{quote(sku, safe='')}", json={"name": "x"}).json()["sku"] == sku
        assert client.get(decoded, params={"sku": "CHAIR/1"}).json()["items"][0]["id"] == ids["CHAIR/1"]
