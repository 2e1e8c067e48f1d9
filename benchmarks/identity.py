"""What identity costs: requests with credentials, the time of failed sign-ins, and writes during a flood of them.

`make bench ARGS=identity`; a number after it (`ARGS="identity 2"`) makes fewer turns and tries, to check the benchmark.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from math import erfc, sqrt
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from benchmarks.databases import create_database
from benchmarks.importing import CATALOG
from benchmarks.serving import cpu_seconds, run_server, run_wrk
from tests.servers import postgres

TURNS = 9
CONNECTIONS = 32
TRIES = 400
"""Failed sign-ins of each kind."""
NAMES = 10
"""Names per kind: a name alone counts for the back-off from 50 failures on, so each has 40."""
FLOOD = 5_000
CLIENTS = 8
CREATES = 1_000
"""Items created before the flood, and again after it."""
PAUSE = 0.02
GOALS = {"get": 0.85, "create": 0.95}
PASSWORD = "correct horse battery staple 9"  # noqa: S105 - of a user who exists only during the benchmark
NAME = "bench"

_REQUIRED = {
    "CATALOG_IDENTITY__MODE": "required",
    "CATALOG_RATE_LIMIT__REQUESTS": "1000000000",
    "CATALOG_RATE_LIMIT__SIGN_IN_REQUESTS": "1000000000",
}
_BEHIND_PROXY = _REQUIRED | {"CATALOG_HTTP__TRUSTED_PROXIES": '["127.0.0.1"]'}
"""For clients that say from which address they call."""


def main(arguments: list[str]) -> None:
    """Run the three measurements, or short ones with this number of turns."""
    turns = int(arguments[0]) if arguments else TURNS
    part = min(1.0, turns / TURNS)
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        stores = {"SQLite": f"sqlite:///{folder}/catalog.db", "Postgres": server.url(create_database(server, "identity"))}
        for url in stores.values():
            _catalog(url, "migrate")
            _catalog(url, "seed")
            _catalog(url, "users", "create", NAME, "--role", "admin", stdin=PASSWORD)
        print("| request | store | credential | rate | range | CPU | goal |\n|---|---|---|---|---|---|---|")
        for store, url in stores.items():
            _compare_credentials(Path(folder), store, url, turns)
        for store, url in stores.items():
            _time_sign_ins(Path(folder), store, url, max(NAMES, int(TRIES * part)))
        for store, url in stores.items():
            _flood(Path(folder), store, url, int(FLOOD * part))


def _compare_credentials(folder: Path, store: str, url: str, turns: int) -> None:
    """Print rate and CPU time per request with each credential, relative to a server without identity.

    Each turn starts both servers anew: two processes of one program differ by some percent for as long as they live.
    """
    key = _catalog(
        url, "keys", "create", "--user", NAME, "--name", store, "--scope", "items:read", "--scope", "items:create", "--json"
    )
    ids = folder / f"ids-{store}"
    measured: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for turn in range(turns):
        with (
            _serve(folder / f"open-{store}-{turn}", url, {}) as (open_pid, open_url),
            _serve(folder / f"{store}-{turn}", url, _REQUIRED) as (pid, address),
        ):
            token = _post(address, "/api/v1/auth/token", {"username": NAME, "password": PASSWORD})[1]
            bearer = f"Authorization: Bearer {json.loads(token)['access_token']}"
            headers = {"token": bearer, "API key": f"X-API-Key: {json.loads(key)['key']}"}
            page = json.loads(_get(open_url, "/api/v1/items?limit=100"))
            ids.write_text("".join(f"{item['id']} {item['version']}\n" for item in page["items"]))
            run_wrk(open_url, "get", CONNECTIONS, ids)
            run_wrk(address, "get", CONNECTIONS, ids, headers=(bearer,))
            for kind in GOALS:
                for credential, header in headers.items():
                    sides = [(open_pid, open_url, ()), (pid, address, (header,))]
                    order = sides if turn % 2 else sides[::-1]
                    found = [_measure(process, base, kind, ids, sent) for process, base, sent in order]
                    (rate, cost), (other_rate, other_cost) = found if turn % 2 else found[::-1]
                    measured.setdefault((kind, credential), []).append((other_rate / rate, other_cost / cost))
    for (kind, credential), ratios in measured.items():
        rates, costs = zip(*ratios, strict=True)
        title = "cached get" if kind == "get" else kind
        spread = f"{min(rates):.2f} to {max(rates):.2f}"
        print(
            f"| {title} | {store} | {credential} | {median(rates):.2f} | {spread} | {median(costs):.2f} x | {GOALS[kind]} |",
            flush=True,
        )


def _measure(process: int, base: str, kind: str, ids: Path, headers: Sequence[str]) -> tuple[float, float]:
    """Return requests per second, and seconds of the server's CPU time per request."""
    before = cpu_seconds(process)
    rate, _, _, count, errors = run_wrk(base, kind, CONNECTIONS, ids, headers=headers)
    if errors:
        sys.exit(f"{errors:.0f} requests failed: {kind}, {base}")
    return rate, (cpu_seconds(process) - before) / count


def _time_sign_ins(folder: Path, store: str, url: str, tries: int) -> None:
    """Print the duration of failed sign-ins with unknown names, with wrong passwords, and of disabled users.

    Each try comes from a network of its own and each name is used 40 times, so that none is delayed by the back-off.
    """
    with _serve(folder / f"times-{store}", url, _BEHIND_PROXY) as (_, address):
        token = json.loads(_post(address, "/api/v1/auth/token", {"username": NAME, "password": PASSWORD})[1])["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        for number in range(NAMES):
            for kind in ("wrong", "disabled"):
                user = {"username": f"{kind}-{number}", "password": PASSWORD, "role": "user"}
                if _post(address, "/api/v1/users", user, bearer)[0] != 201:
                    sys.exit("A user could not be created.")
            _send(address, "PATCH", f"/api/v1/users/disabled-{number}", {"disabled": True}, bearer)
        kinds = ("unknown", "wrong", "disabled")
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(tries):
            for place in range(3):
                kind = kinds[(number + place) % 3]
                # A disabled user gives the right password, which must not make a difference either.
                password = PASSWORD if kind == "disabled" else f"not {PASSWORD}"
                body = {"username": f"{kind}-{number % NAMES}", "password": password}
                started = time.perf_counter()
                status, _ = _post(address, "/api/v1/auth/token", body, _from(number))
                times[kind].append((time.perf_counter() - started) * 1000)
                if status != 401:
                    sys.exit(f"A failed sign-in was answered with {status}.")
    print(
        f"\n| failed sign-in, {store}, {tries} each | median | p90 | slower than unknown | p, rank test |\n|---|---|---|---|---|"
    )
    for kind in kinds:
        share, probability = _rank_test(times[kind], times["unknown"])
        against = " | " if kind == "unknown" else f"{share:.3f} | {probability:.2f}"
        print(f"| {kind} | {median(times[kind]):.2f} ms | {quantiles(times[kind], n=10)[8]:.2f} ms | {against} |", flush=True)


def _rank_test(values: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Return how often one of `values` is above one of `others` (0.5: no difference), and Mann-Whitney's two-sided p."""
    pairs = len(values) * len(others)
    above = sum((value > other) + (value == other) / 2 for value in values for other in others)
    z = (above - pairs / 2) / sqrt(pairs * (len(values) + len(others) + 1) / 12)
    return above / pairs, erfc(abs(z) / sqrt(2))


def _flood(folder: Path, store: str, url: str, count: int) -> None:
    """Print the latency of creates without and with a flood of failed sign-ins, each with a name and network of its own."""
    with _serve(folder / f"flood-{store}", url, _BEHIND_PROXY) as (_, address):
        token = json.loads(_post(address, "/api/v1/auth/token", {"username": NAME, "password": PASSWORD})[1])["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        without = _create(address, headers, f"A-{store}", None, CREATES)
        flood = multiprocessing.get_context("spawn").Process(target=_fail, args=(address, count))
        flood.start()
        during = _create(address, headers, f"D-{store}", flood)
        without += _create(address, headers, f"B-{store}", None, CREATES)
    if flood.exitcode:
        sys.exit("The flood failed.")
    print(f"\n| creates, {store} | p50 | p99 |\n|---|---|---|")
    for title, values in (
        (f"{len(without):,} alone", without),
        (f"{len(during):,} during {count:,} failed sign-ins", during),
    ):
        percentiles = quantiles(values, n=100)
        print(f"| {title} | {percentiles[49]:.1f} ms | {percentiles[98]:.1f} ms |", flush=True)


def _fail(address: str, count: int) -> None:
    """Fail to sign in, with several clients at a time. Runs in a process of its own, away from the clock of the writer.

    It leaves the processors to the others: the clients of a real flood have their own.
    """
    os.nice(19)

    def attempt(number: int) -> int:
        body = {"username": f"nobody-{number}", "password": PASSWORD}
        return _post(address, "/api/v1/auth/token", body, _from(number))[0]

    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = Counter(pool.map(attempt, range(count)))
    if not statuses.keys() <= {401, 503} or statuses[401] < count / 2:  # 503: the queue of passwords to verify is full
        sys.exit(f"Unexpected answers: {statuses}")


def _create(
    address: str,
    headers: dict[str, str],
    prefix: str,
    until: "multiprocessing.process.BaseProcess | None",
    count: int = 0,
) -> list[float]:
    """Create items until a process ends, or `count` of them. Return the milliseconds that each took."""
    latencies: list[float] = []
    while (until.is_alive() or len(latencies) < 2) if until else len(latencies) < count:
        started = time.perf_counter()
        status, _ = _post(address, "/api/v1/items", {"sku": f"{prefix}-{len(latencies)}", "name": "Flooded"}, headers)
        latencies.append((time.perf_counter() - started) * 1000)
        if status != 201:
            sys.exit(f"An item was not created: {status}")
        time.sleep(PAUSE)
    return latencies


def _from(number: int) -> dict[str, str]:
    """Return the header that names an address in a network of its own."""
    return {"X-Forwarded-For": f"{20 + number // 65_536}.{number // 256 % 256}.{number % 256}.1"}


@contextmanager
def _serve(folder: Path, url: str, environment: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Serve a store. Yield the PID and the URL."""
    folder.mkdir()
    with run_server([CATALOG, "serve"], folder, "/health/ready", {"CATALOG_STORAGE__URL": url} | environment) as (pid, base, _):
        yield pid, base


def _catalog(url: str, *arguments: str, stdin: str = "") -> str:
    """Run a command of `catalog` on a store, and return its output."""
    environment = os.environ | {"CATALOG_STORAGE__URL": url}
    return subprocess.run(
        [CATALOG, *arguments],
        env=environment,
        input=stdin + "\n",
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout


def _post(address: str, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    return _send(address, "POST", path, body, headers)


def _get(address: str, path: str) -> bytes:
    return _send(address, "GET", path, None)[1]


def _send(address: str, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Send a request over a connection of its own. Return the status and the body of the response."""
    connection = HTTPConnection(urlsplit(address).netloc)
    try:
        content = None if body is None else json.dumps(body)
        media_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection.request(method, path, content, {"Content-Type": media_type} | (headers or {}))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
