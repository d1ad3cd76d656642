"""The listener of operators over real sockets: what it serves, to whom, and what it never says."""

import logging
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.server import Admin
from proxy.limits.snapshot import BlockState, CounterState, Snapshot
from proxy.metrics import Gauges, Metrics
from proxy.model import CallClass, Outcome, Route, Scope

SECOND_NS = 1_000_000_000
PATHS = ("/", "/metrics", "/healthz", "/readyz", "/api/status")


class Daemon:
    """An admin listener, what it tells, and a client at its door."""

    def __init__(self, admin: Admin, metrics: Metrics, gauges: Gauges) -> None:
        self.admin = admin
        self.metrics = metrics
        self.gauges = gauges
        self.base = ""
        self.client: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, CIMultiDictProxy[str]]:
        return await self.ask("GET", path, **headers)

    async def ask(self, method: str, path: str, **headers: str) -> tuple[int, str, CIMultiDictProxy[str]]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(method, self.base + path, headers=sent) as answer:
            return answer.status, await answer.text(), answer.headers


SNAPSHOT = Snapshot(
    (
        CounterState("orders_10s", Scope.ACCOUNT, "desk", "", "", 57, 100),
        CounterState("weight_1m", Scope.ADDRESS, "binance", "127.0.0.2", "", 1200, 6000),
    ),
    (
        BlockState(("key", "desk", "main"), 42 * SECOND_NS, "suspended: -2015"),
        BlockState(("key", "desk", "extra"), None, "dead: -2014"),
        BlockState(("pair", "desk", "main", "127.0.0.3"), 9 * SECOND_NS, "not_whitelisted: -2015"),
    ),
)


@pytest.fixture
async def daemon(clock, make_pool, make_gauges) -> AsyncIterator[Daemon]:
    metrics = Metrics()
    gauges = make_gauges(SNAPSHOT, waiting=3, up={"127.0.0.2": True, "127.0.0.3": False})
    admin = Admin(clock=clock, metrics=metrics, pools={"desk": make_pool()}, gauges=lambda: found.gauges)
    found = Daemon(admin, metrics, gauges)
    found.base = f"http://{await admin.start('127.0.0.1:0')}"
    async with aiohttp.ClientSession() as found.client:
        yield found
    await admin.stop()


# --- the page ---


async def test_the_page_and_all_that_it_loads_are_served(daemon):
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    seen, wanted = set(), {""}
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        status, text, headers = await daemon.get(f"/{name}")
        assert status == 200, name
        assert headers["Content-Type"] == f"{types[(name or 'page.html').rpartition('.')[2]]}; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"
        wanted |= set(re.findall(r'(?:src|href)="([^"]+)"', text)) | set(re.findall(r'from "\./([^"]+)"', text))
    assert seen >= {"", "page.css", "page.js"}
    assert seen - {""} == {f.name for f in files("proxy.admin").iterdir() if f.name.startswith("page.")} - {"page.html"}


async def test_the_page_may_run_its_own_files_only(daemon):
    rules = dict(
        rule.strip().split(" ", 1) for rule in (await daemon.get("/"))[2]["Content-Security-Policy"].split(";")
    )
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_page_has_nothing_that_its_rules_forbid(daemon):
    text = (await daemon.get("/"))[1]
    assert re.findall(r"<script[^>]*>", text) == ['<script src="page.js" type="module">']
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?:", text)


@pytest.mark.parametrize("name", ["page.js", "page.account.js", "page.nodes.js", "page.words.js"])
async def test_data_never_becomes_markup(daemon, name):
    script = (await daemon.get(f"/{name}"))[1]
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|https?:"
    assert not re.search(forbidden, script)


# --- status and health ---


async def test_status_is_the_state_of_this_moment(daemon, clock):
    daemon.metrics.attempt("binance", Route("desk", "main", "127.0.0.2"), CallClass.READ, Outcome.ACCEPTED, 1)
    clock.ns += 90 * SECOND_NS
    async with daemon.client.get(f"{daemon.base}/api/status") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        found = await answer.json()
    assert (found["uptime_s"], found["ready"], found["queue"]) == (90.0, True, 3)
    account = found["accounts"][0]
    main, extra = account["keys"]
    assert main["rest"] == {"rest_s": 42.0, "reason": "suspended: -2015"}
    assert extra["rest"] == {"rest_s": None, "reason": "dead: -2014"}
    assert main["addresses"] == {
        "127.0.0.2": {"attempts": 1, "refused": None},
        "127.0.0.3": {"attempts": 0, "refused": {"rest_s": 9.0, "reason": "not_whitelisted: -2015"}},
    }
    assert [address["up"] for address in account["addresses"]] == [True, False]
    assert [limit["used"] for limit in account["limits"]] == [57, 1200]


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_ready_is_told_apart_from_alive(daemon, make_gauges, ready, status):
    daemon.gauges = make_gauges(ready=ready)
    assert (await daemon.get("/readyz"))[0] == status
    assert (await daemon.get("/healthz"))[0] == 200


# --- metrics ---


async def test_metrics_are_prometheus_text(daemon):
    daemon.metrics.open_key("desk", "binance", "main", ("127.0.0.2",))
    daemon.metrics.attempt("binance", Route("desk", "main", "127.0.0.2"), CallClass.READ, Outcome.THROTTLED, SECOND_NS)
    daemon.metrics.rotation("desk", Outcome.THROTTLED)
    daemon.metrics.call("bot", "desk", CallClass.READ, "exchange", 2_000_000, 100_000)

    status, text, headers = await daemon.get("/metrics")

    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(name.startswith("ordergate_") and family.documentation for name, family in families.items())
    samples = {(s.name, *sorted(s.labels.items())): s.value for f in families.values() for s in f.samples}

    def value(metric: str, /, **labels: str) -> float:
        return samples[f"ordergate_{metric}", *sorted(labels.items())]

    key = {"account": "desk", "key": "main"}
    assert value("key_outcomes_total", **key, outcome="throttled") == 1
    assert value("key_outcomes_total", **key, outcome="accepted") == 0
    assert value("address_outcomes_total", exchange="binance", address="127.0.0.2", outcome="throttled") == 1
    assert value("route_attempts_total", **key, address="127.0.0.2") == 1
    assert value("rotations_total", account="desk", reason="throttled") == 1
    assert value("ready") == 1
    assert value("queue_length") == 3
    assert value("address_up", address="127.0.0.3") == 0
    assert value("exchange_clock_offset_seconds", exchange="binance") == -0.0125
    account = {"scope": "account", "owner": "desk", "name": ""}
    assert value("limit_used", limit="orders_10s", **account) == 57
    assert value("limit_capacity", limit="orders_10s", **account) == 100
    assert value("blocked", scope="pair", owner="desk", name="main", detail="127.0.0.3") == 1
    assert value("blocked_rest_seconds", scope="key", owner="desk", name="main", detail="") == 42
    assert value("blocked_rest_seconds", scope="key", owner="desk", name="extra", detail="") == float("inf")
    reads = {"account": "desk", "class": "read"}
    assert value("calls_total", bot="bot", **reads, end="exchange") == 1
    assert value("upstream_seconds_sum", **reads) == 1.0
    assert value("queue_seconds_bucket", **reads, le="0.002") == 1
    assert value("queue_seconds_bucket", **reads, le="0.001") == 0
    assert not [name for name in families if name.endswith("_created")]


# --- who may read ---


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8788", "localhost:8788", "localhost", "192.0.2.7", "192.0.2.7:80", "[::1]", "[::1]:8788"]
)
async def test_addresses_and_localhost_may_read(daemon, host):
    assert (await daemon.get("/api/status", Host=host))[0] == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    ["desk.example", "desk.example:8788", "localhost.desk.example", "127.0.0.1.desk.example:8788", "bot@127.0.0.1", ""],
)
async def test_a_name_that_others_can_point_here_is_refused(daemon, path, host):
    status, text, _ = await daemon.get(path, Host=host)
    assert (status, text) == (403, "this page is for local use\n")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_pages_of_other_sites_are_refused(daemon, path, site):
    status, text, _ = await daemon.get(path, Sec_Fetch_Site=site)
    assert (status, text) == (403, "this page is for local use\n")


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_the_page_itself_may_read(daemon, site):
    assert (await daemon.get("/api/status", Sec_Fetch_Site=site))[0] == 200


@pytest.mark.parametrize("path", PATHS)
async def test_it_can_only_be_read(daemon, path):
    assert (await daemon.ask("POST", path))[0] == 405


async def test_no_answer_holds_a_secret(daemon, canaries, caplog):
    caplog.set_level(logging.DEBUG)
    daemon.metrics.attempt("binance", Route("desk", "main", "127.0.0.2"), CallClass.READ, Outcome.DEAD, 1)
    answers = [await daemon.get(path) for path in (*PATHS, "/page.js", "/api/nothing", "/../config")]
    answers.append(await daemon.get("/", Host="desk.example"))
    answers.append(await daemon.ask("POST", "/api/status"))
    everything = "".join(f"{text}{headers}" for _, text, headers in answers) + caplog.text
    assert "desk" in everything
    assert not [canary for canary in canaries if canary in everything]


# --- listening ---


async def test_it_listens_on_a_unix_socket_too(clock, make_pool, make_gauges, tmp_path: Path):
    admin = Admin(clock=clock, metrics=Metrics(), pools={"desk": make_pool()}, gauges=make_gauges)
    place = f"unix:{tmp_path / 'admin.sock'}"
    assert await admin.start(place) == place
    connector = aiohttp.UnixConnector(place.removeprefix("unix:"))
    async with aiohttp.ClientSession(connector=connector) as client, client.get("http://localhost/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")
    await admin.stop()


async def test_nobody_answers_after_the_stop(daemon):
    await daemon.admin.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await daemon.get("/healthz")
