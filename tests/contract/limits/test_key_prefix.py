"""Tests of CATALOG_CACHE__KEY_PREFIX, which separates deployments on one Redis or Valkey."""

import pytest

from catalog import __version__
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.ports.cache import Cache, CachedResponse, ResponseContent
from tests.making import NOON
from tests.planted_secrets import planted
from tests.servers import ValkeyServer, valkey

pytestmark = pytest.mark.usefixtures("patient_connections")


def container(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch, prefix: str | None) -> Container:
    """Return the container of a deployment."""
    monkeypatch.setenv("CATALOG_CACHE__URL", server.url)
    if prefix is not None:
        monkeypatch.setenv("CATALOG_CACHE__KEY_PREFIX", prefix)
    return Container(settings=load_settings())


def shared_cache(of: Container) -> Cache:
    """Return the shared cache of a deployment."""
    cache: Cache | None = of.shared_cache()
    assert cache is not None
    return cache


async def test_deployments_with_their_own_prefixes_share_no_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither requests nor failed sign-ins. All keys begin with the prefix, those of cached responses too."""
    with valkey() as server:
        first, second = [container(server, monkeypatch, prefix) for prefix in (None, "shop-2")]
        for each in (first, second):
            assert [(await each.rate_limiter().take("k", 1, 60)).allowed for _ in range(2)] == [True, False]
            assert (await each.failure_counter().add("k", NOON)).count == 1
            await shared_cache(each).put("k", CachedResponse(1, (), ResponseContent(b"", ())))
            assert await shared_cache(each).failure() is None
        names = [name.decode() for name in await first.shared_counts().client.keys("*")]
        for prefix in ("catalog", "shop-2"):
            rest = sorted(name.removeprefix(f"{prefix}:") for name in names if name.startswith(f"{prefix}:"))
            assert [name.partition(":")[0] for name in rest] == [__version__, "failures", "requests"]
        assert len(names) == 6
        for each in (first, second):
            await each.rate_limiter().close()
            await shared_cache(each).close()


async def test_the_server_may_allow_only_keys_with_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of the server that may use no others is enough, also for the check of `catalog doctor`."""
    with valkey() as server:
        admin = container(server, monkeypatch, None)
        await admin.shared_counts().client.execute_command(
            *("ACL", "SETUSER", "shop", "on", "nopass", "resetkeys", "~shop:*", "+@all")
        )
        monkeypatch.setenv("CATALOG_CACHE__URL", server.url.replace("redis://", f"redis://shop:{planted('any')}@"))
        monkeypatch.setenv("CATALOG_CACHE__KEY_PREFIX", "shop")
        deployment = Container(settings=load_settings())
        assert await shared_cache(deployment).failure() is None
        assert (await deployment.rate_limiter().take("k", 1, 60)).allowed
        assert len(await admin.shared_counts().client.keys("shop:*")) == 1
        for each in (admin, deployment):
            await each.rate_limiter().close()
            await shared_cache(each).close()


@pytest.mark.parametrize("prefix", ["", "a:b", "a*", "a b", "ä", "a\n", "a" * 65])
def test_an_invalid_prefix_is_refused(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting and what it may have."""
    monkeypatch.setenv("CATALOG_CACHE__KEY_PREFIX", prefix)
    with pytest.raises(InvalidSettings, match=r"CATALOG_CACHE__KEY_PREFIX.*letters, digits"):
        load_settings()
