"""Who gets in with what, and in which words the others are turned away."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.errors import BadCall
from proxy.ingress import admission as admission_module
from proxy.ingress.admission import Admission, Arrival, Refused
from proxy.ingress.answers import native
from proxy.model import Call, CallClass, Upstream

NOW = 7_000_000_000
MS = 1_000_000
GRID, READER = "dummy-token-grid", "dummy-token-reader"
BEARER = ("authorization", f"Bearer {GRID}")
ACCOUNT, TIME = "/bin/api/v3/account", "/bin/api/v3/time"


@pytest.fixture
def door(house: Any) -> Admission:
    return house.admission()


def arrival(target: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Arrival:
    return Arrival(method, target, headers, body, NOW)


def admit(door: Admission, target: str, *headers: tuple[str, str], **fields: Any) -> Call:
    return door.admit(arrival(target, *(headers or (BEARER,)), **fields))


def refused(door: Admission, target: str, *headers: tuple[str, str], **fields: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        door.admit(arrival(target, *headers, **fields))
    return caught.value


def reason(door: Admission, target: str, *headers: tuple[str, str], **fields: Any) -> tuple[int, str]:
    refusal = refused(door, target, *headers, **fields).refusal
    return refusal.status, refusal.reason


# Tokens


@pytest.mark.parametrize(
    "headers",
    [
        (BEARER,),
        (("authorization", f"bearer   {GRID} "),),
        (("x-ordergate-token", GRID),),
        (("x-mbx-apikey", GRID),),
    ],
)
def test_places_of_the_token(door: Admission, headers: tuple[tuple[str, str], ...]) -> None:
    call = door.admit(arrival(ACCOUNT, *headers))
    assert (call.bot, call.account, call.endpoint.name) == ("grid", "bin", "GET /api/v3/account")
    assert call.share == 2.5


def test_the_token_in_the_path(door: Admission) -> None:
    call = door.admit(arrival(f"/~{GRID}{ACCOUNT}?recvWindow=5000"))
    assert (call.bot, call.request.path, call.request.query) == ("grid", "/api/v3/account", "recvWindow=5000")


def test_the_token_in_krakens_key_field(door: Admission) -> None:
    assert door.admit(arrival("/krk/0/private/Balance", ("api-key", GRID), method="POST")).bot == "grid"


ORDER = [
    ("authorization", "Bearer {}"),
    ("x-ordergate-token", "{}"),
    ("x-mbx-apikey", "{}"),
]


@pytest.mark.parametrize("first", range(4))
def test_the_first_place_wins(door: Admission, first: int) -> None:
    """A reader's token in one place, a stranger's in all later ones."""
    headers = [(name, form.format(READER if n == first else "dummy-stranger")) for n, (name, form) in enumerate(ORDER)]
    target = f"/~{READER if first == 3 else 'dummy-stranger'}{ACCOUNT}"
    assert door.admit(arrival(target, *headers[first:])).bot == "reader"


@pytest.mark.parametrize("first", range(4))
def test_a_wrong_token_is_not_made_good_by_a_later_place(door: Admission, first: int) -> None:
    headers = [(name, form.format("dummy-stranger" if n == first else GRID)) for n, (name, form) in enumerate(ORDER)]
    target = f"/~{'dummy-stranger' if first == 3 else GRID}{ACCOUNT}"
    assert reason(door, target, *headers[first:]) == (401, "bad_token")


@pytest.mark.parametrize(
    "headers",
    [(), (("x-ordergate-token", ""),), (("authorization", "Bearer "),), (("authorization", f"Basic {GRID}"),),
     (("authorization", GRID),), (("x-mbx-apikey", "dummy-ünknown"),), (("x-ordergate-token", GRID + "x"),)],
)  # fmt: skip
def test_no_token_or_a_strange_one(door: Admission, headers: tuple[tuple[str, str], ...]) -> None:
    assert reason(door, ACCOUNT, *headers) == (401, "bad_token")
    assert reason(door, "/~" + ACCOUNT, *headers) == (401, "bad_token")


def test_no_token_leaves_with_the_call(door: Admission) -> None:
    headers = (BEARER, ("x-ordergate-token", "dummy-canary"), ("x-mbx-apikey", "dummy-canary"))
    call = door.admit(
        arrival(f"/~dummy-canary{ACCOUNT}?signature=dummy-canary&timestamp=1&omitZeroBalances=true", *headers)
    )
    assert call.request.query == "omitZeroBalances=true"
    sent = (
        call.request.path
        + call.request.query
        + repr([row for row in call.request.headers if row[0].startswith("x-mbx")])
    )
    assert "canary" not in sent


# What a bot may do

CALLS = {
    "public": ("GET", "/api/v3/time"),
    "read": ("GET", "/api/v3/account"),
    "place": ("POST", "/api/v3/order"),
    "amend": ("PUT", "/api/v3/order/amend/keepPriority"),
    "cancel": ("DELETE", "/api/v3/order"),
}
MAY = {
    "dummy-token-grid": {"public", "read", "place", "amend", "cancel"},
    "dummy-token-reader": {"public", "read"},
    "dummy-token-canceller": {"cancel"},
}


@pytest.mark.parametrize("token", MAY)
@pytest.mark.parametrize("name", CALLS)
def test_a_bot_may_what_it_was_granted_and_amending_is_placing(door: Admission, token: str, name: str) -> None:
    method, path = CALLS[name]
    header = ("x-ordergate-token", token)
    if name in MAY[token]:
        assert door.admit(arrival(f"/bin{path}", header, method=method)).endpoint.call_class == name
    else:
        assert reason(door, f"/bin{path}", header, method=method) == (403, "not_allowed")


def test_a_bot_stays_in_its_accounts(door: Admission) -> None:
    header = ("x-ordergate-token", "dummy-token-kraken-only")
    assert reason(door, ACCOUNT, header) == (403, "not_allowed")
    assert door.admit(arrival("/krk/0/public/Time", header)).account == "krk"


def test_money_stays(door: Admission) -> None:
    withdraw = "/api/v3/../"  # never reached: a plain path is refused before
    assert reason(door, f"/bin{withdraw}", BEARER, method="POST") == (400, "bad_path")
    target = "/sapi/v1/capital/withdraw/apply"
    assert reason(door, f"/bin{target}", BEARER, method="POST") == (403, "withdrawal_refused")
    assert reason(door, "/bin/sapi/v1/asset/Transfer", BEARER, method="POST") == (403, "withdrawal_refused")
    assert reason(door, "/rich/sapi/v1/asset/transfer-all", BEARER, method="POST") == (403, "withdrawal_refused")
    assert admit(door, f"/rich{target}", method="POST").endpoint.call_class is CallClass.WITHDRAW


def test_an_endpoint_that_the_operator_denied(door: Admission) -> None:
    assert reason(door, "/bin/api/v3/order/oco", BEARER, method="POST") == (403, "denied")
    assert admit(door, "/sim/api/v3/order/oco", method="POST").account == "sim"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/api/v3/nothing", (405, "wrong_method")),  # unknown reads pass, so a GET of it would
        ("POST", "/sapi/v1/nothing", (405, "wrong_method")),
        ("DELETE", "/api/v3/account", (405, "wrong_method")),
        ("HEAD", "/api/v3/time", (405, "wrong_method")),
        ("TRACE", "/api/v3/time", (405, "wrong_method")),
        ("GET", "/api/v9/time", (404, "unknown_endpoint")),
        ("GET", "/wapi/v3/time", (404, "unknown_endpoint")),
    ],
)
def test_what_the_table_does_not_know(door: Admission, method: str, path: str, expected: tuple[int, str]) -> None:
    assert reason(door, f"/bin{path}", BEARER, method=method) == expected


def test_an_unknown_read_passes_as_a_signed_one(door: Admission) -> None:
    call = admit(door, "/bin/api/v3/somethingNew")
    assert (call.endpoint.call_class, call.endpoint.auth) == (CallClass.READ, "signed")


def test_nobody_by_that_name(door: Admission) -> None:
    fault = refused(door, "/nobody/api/v3/time", BEARER)
    assert (fault.refusal.status, fault.refusal.reason, fault.exchange) == (404, "unknown_account", None)


# Where it goes


def test_the_host_that_the_bot_names(door: Admission) -> None:
    assert admit(door, "/bin/api.binance.com/api/v3/time").upstream == Upstream("https", "api.binance.com", 443)
    assert admit(door, "/bin/api3.binance.com/api/v3/time").upstream == Upstream("https", "api3.binance.com", 443)
    assert admit(door, TIME).upstream == Upstream("https", "api.binance.com", 443)


def test_the_operators_upstream_stands_above_the_host(door: Admission) -> None:
    assert admit(door, "/sim/api3.binance.com/api/v3/time").upstream.host == "127.0.0.1"


def test_a_trial_on_this_machine_never_reaches_the_real_exchange(door: Admission) -> None:
    assert reason(door, "/sim/fapi.binance.com/fapi/v1/time", BEARER) == (404, "unknown_endpoint")
    assert reason(door, "/sim/fapi/v1/time", BEARER) == (404, "unknown_endpoint")
    assert admit(door, "/bin/fapi/v1/time").upstream.host == "fapi.binance.com"


@pytest.mark.parametrize(
    "host", ["example.org", "api.kraken.com", "api.binance.com.example.org", "127.0.0.1", "10.0.0.1:80"]
)
def test_a_strange_host_is_refused(door: Admission, host: str) -> None:
    assert reason(door, f"/bin/{host}/api/v3/time", BEARER) == (403, "unknown_host")
    assert reason(door, f"/sim/{host}/api/v3/time", BEARER) == (403, "unknown_host")


# Deadlines, pins, numbers


@pytest.mark.parametrize(
    ("name", "waits_ms"),
    [
        ("GET /api/v3/depth", 4000),
        ("GET /api/v3/account", 4000),
        ("POST /api/v3/order", 2000),
        ("PUT /api/v3/order/amend/keepPriority", 2000),
        ("DELETE /api/v3/order", 4500),
    ],
)
def test_without_a_deadline_each_class_has_its_own(door: Admission, name: str, waits_ms: int) -> None:
    method, path = name.split(" ")
    call = admit(door, f"/bin{path}", BEARER, method=method)
    assert (call.received_ns, call.deadline_ns, call.answer_by_ns) == (NOW, NOW + waits_ms * MS, 0)


def test_a_bots_setting_stands_above_its_class_and_the_header_above_both(house: Any) -> None:
    patient = replace(house.bots["grid"], deadline={"place": 7_000 * MS})
    door = Admission(house.pools, {**house.bots, "grid": patient})
    waits = [
        admit(door, f"/bin/api/v3/order{more}", BEARER, *header, method=method).deadline_ns - NOW
        for method, more, header in [
            ("POST", "", ()),
            ("PUT", "/amend/keepPriority", ()),
            ("DELETE", "", ()),
            ("POST", "", (("x-ordergate-deadline-ms", "50"),)),
        ]
    ]
    assert waits == [7_000 * MS, 7_000 * MS, 4_500 * MS, 50 * MS]
    assert admit(door, "/bin/api/v3/order", BEARER, method="POST").answer_by_ns == 0


@pytest.mark.parametrize(("text", "priority"), [("high", -1), ("normal", 0), ("low", 1), ("", 0), (" High ", -1)])
def test_a_priority(door: Admission, text: str, priority: int) -> None:
    assert admit(door, ACCOUNT, BEARER, ("x-ordergate-priority", text)).priority == priority
    assert admit(door, ACCOUNT).priority == 0


@pytest.mark.parametrize("text", ["urgent", "1", "-1", "highest"])
def test_a_priority_that_is_none(door: Admission, text: str) -> None:
    with pytest.raises(Refused) as caught:
        admit(door, ACCOUNT, BEARER, ("x-ordergate-priority", text))
    refusal = caught.value.refusal
    assert (refusal.status, refusal.reason) == (400, "bad_priority") and "high, normal or low" in refusal.message


@pytest.mark.parametrize("text", ["1", "2500", "600000", "0000100"])
def test_the_bots_deadline(door: Admission, text: str) -> None:
    call = admit(door, ACCOUNT, BEARER, ("x-ordergate-deadline-ms", text))
    assert call.deadline_ns == call.answer_by_ns == NOW + int(text) * MS


@pytest.mark.parametrize("text", ["0", "-1", "600001", "1.5", "1e3", " 5", "٣", "abc", "9" * 5000])
def test_a_deadline_that_is_none(door: Admission, text: str) -> None:
    assert reason(door, ACCOUNT, BEARER, ("x-ordergate-deadline-ms", text)) == (400, "bad_deadline")


def test_a_pinned_key(door: Admission) -> None:
    assert admit(door, ACCOUNT, BEARER, ("x-ordergate-key", "k2")).pinned_key == "k2"
    assert admit(door, ACCOUNT).pinned_key is None
    assert reason(door, ACCOUNT, BEARER, ("x-ordergate-key", "k9")) == (400, "unknown_key")


def test_a_dry_run(door: Admission) -> None:
    assert admit(door, ACCOUNT, BEARER, ("x-ordergate-dry-run", "1")).dry_run
    assert not admit(door, ACCOUNT, BEARER, ("x-ordergate-dry-run", "0")).dry_run


def test_every_call_has_a_number_of_its_own(door: Admission) -> None:
    numbers = [admit(door, ACCOUNT).id for _ in range(3)]
    boots, counts = zip(*(number.split("-") for number in numbers), strict=True)
    assert len(set(boots)) == 1 and list(counts) == ["1", "2", "3"]


def test_parameters_are_read_from_query_and_body(door: Admission) -> None:
    call = admit(door, "/bin/api/v3/order?symbol=BTCUSDT", method="POST", body=b"side=BUY&signature=x")
    assert call.params == {"symbol": "BTCUSDT", "side": "BUY"}
    assert call.request.body == b"side=BUY"


# Browsers


@pytest.mark.parametrize(
    "header",
    [("origin", "https://example.org"), ("origin", "http://127.0.0.1:8787"), ("origin", "null"),
     ("origin", "chrome-extension://x"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin"),
     ("sec-fetch-site", "same-site")],
)  # fmt: skip
def test_web_pages_are_refused_before_anything_else(door: Admission, header: tuple[str, str]) -> None:
    assert reason(door, ACCOUNT, BEARER, header) == (403, "cross_site")
    assert reason(door, "/nobody", header) == (403, "cross_site")


@pytest.mark.parametrize(
    "header", [("origin", "3f2b1c9a-5d7e-4a52-9d5c-0c8a1b2e3f40"), ("origin", ""), ("sec-fetch-site", "none")]
)
def test_real_clients_send_other_origins(door: Admission, header: tuple[str, str]) -> None:
    """ccxt puts a random uuid there."""
    assert admit(door, ACCOUNT, BEARER, header).bot == "grid"


# The shape of refusals


def test_a_refusal_has_the_shape_of_the_accounts_exchange(door: Admission) -> None:
    fault = refused(door, ACCOUNT)
    assert fault.exchange is not None and fault.exchange.name == "binance"
    assert orjson.loads(native(fault.refusal, fault.exchange, fault.request).body)["code"] == -2014
    fault = refused(door, "/krk/0/private/Balance", method="POST")
    assert fault.exchange is not None and fault.exchange.name == "kraken"


def test_a_refusal_of_strip_keeps_its_reason(door: Admission) -> None:
    assert reason(door, "/bin/api/v3/order", BEARER, method="POST", body=b'{"a":1}') == (400, "bad_body")
    assert reason(door, ACCOUNT + "?a=1&a=2", BEARER)[0] == 400


@pytest.mark.parametrize(
    ("target", "exchange"), [(ACCOUNT, "binance"), ("/krk/x", "kraken"), ("/nobody/x", None), ("/%00", None)]
)
def test_a_refusal_from_before_the_body_was_read(door: Admission, target: str, exchange: str | None) -> None:
    fault = door.refused(BadCall("body_too_large", "dummy", 413), "POST", target)
    assert (fault.refusal.status, fault.refusal.reason) == (413, "body_too_large")
    assert (fault.exchange.name if fault.exchange else None) == exchange
    assert fault.request.method == "POST"


@pytest.mark.parametrize(
    "target", [ACCOUNT, "/nobody/x", "/bin/../x", "/bin/wapi/x", "/bin/example.org/api/v3/time", "/"]
)
def test_no_refusal_repeats_a_token(door: Admission, target: str) -> None:
    for headers in ((("x-mbx-apikey", "dummy-canary"),), (("authorization", "Bearer dummy-canary"),)):
        fault = refused(door, target, *headers)
        body = native(fault.refusal, fault.exchange, fault.request).body
        assert b"canary" not in body and "canary" not in str(fault)
    fault = refused(door, f"/~dummy-canary{target}")
    assert b"canary" not in native(fault.refusal, fault.exchange, fault.request).body


def test_a_denied_path_leaves_the_other_paths_of_its_row(house: Any) -> None:
    pool = replace(house.pools["sim"], deny=("GET /sapi/v1/margin/loan",))
    door = Admission({"sim": pool}, house.bots)
    assert reason(door, "/sim/sapi/v1/margin/loan", BEARER) == (403, "denied")
    assert admit(door, "/sim/sapi/v1/margin/allPairs").endpoint.name == "GET /sapi/*"


def test_a_way_that_is_known_is_no_free_pass(door: Admission) -> None:
    """What a path alone decides is remembered; who comes is looked at every time."""
    target = "/sim/api/v3/order"
    for _ in range(2):
        assert admit(door, f"{target}?a=1", method="POST").request.query == "a=1"
        assert reason(door, target, ("authorization", "Bearer dummy-stranger"), method="POST") == (401, "bad_token")
        reader = ("authorization", "Bearer dummy-token-reader")
        assert reason(door, target, reader, method="POST") == (403, "not_allowed")
        foreign = ("authorization", "Bearer dummy-token-kraken-only")
        assert reason(door, target, foreign, method="POST") == (403, "not_allowed")


def test_remembered_ways_are_bounded(door: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "_MOST_WAYS", 3)
    for number in range(10):
        assert admit(door, f"/sim/api/v3/x{number}").request.path == f"/api/v3/x{number}"
        assert len(door._ways) <= 3
