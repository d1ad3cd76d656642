"""Writes whose answer is lost, for tests: what is asked about them, and what answers say."""

import itertools
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from proxy.exchanges import EXCHANGES
from proxy.exchanges.lookup import Finding, Found, Lookup, Rebuilt
from proxy.model import Endpoint, Incoming, Item, Reply

SINCE_MS = 1_700_000_000_000
B, K, C = "/api/v3/", "/0/private/", "/exchange/v1/private/"
TXID = "OUF4EM-FRGI2-MQMWZD"
LATE = 10_000  # ms after a write at which a list of open orders is complete


class Write:
    """A write whose answer is lost."""

    def __init__(self, exchange: str, name: str, given: str, since_ms: int = SINCE_MS) -> None:
        self.row = EXCHANGES[exchange]
        method, _, path = name.partition(" ")
        endpoint = self.row.table.match(method, path)
        assert endpoint is not None and endpoint.call_class.writes
        self.endpoint: Endpoint = endpoint
        in_query = exchange == "binance"
        raw = Incoming(method, path, given if in_query else "", (), b"" if in_query else given.encode())
        request = self.row.strip(raw)
        numbers = itertools.count(1)
        self.request, self.params = self.row.identify(
            endpoint, request, self.row.params(request), lambda: f"og-{since_ms}-{next(numbers)}"[-18:]
        )
        self.since_ms = since_ms
        self.lookups = self.row.lookups(endpoint, self.request, self.params, since_ms)

    def asks(self) -> list[str]:
        found = []
        for lookup in self.lookups:
            method, _, path = lookup.endpoint.partition(" ")
            row = self.row.table.match(method, path)
            assert row is not None and row.name == lookup.endpoint and not row.call_class.writes
            assert (lookup.request.method, lookup.request.path) == (method, path)
            assert self.row.strip(lookup.request) == lookup.request
            body = lookup.request.body.decode()
            text = lookup.request.query or (json.dumps(json.loads(body)["params"]) if body.startswith("{") else body)
            found.append(f"{lookup.item} {path.rpartition('/')[2]} {text}".rstrip())
        return found

    def found(self, lookup: Lookup | int, status: int, body: Any, after_ms: int | None = LATE) -> Finding:
        """What an answer says that comes so long after the write; None: one without a date."""
        if isinstance(lookup, int):
            lookup = self.lookups[lookup]
        text = body if isinstance(body, str) else json.dumps(body)
        date = () if after_ms is None else (_date(self.since_ms + after_ms),)
        return self.row.found(
            self.endpoint, self.request, self.params, lookup, Reply(status, b"x", date, text.encode(), 1)
        )

    def rebuilt(self, findings: Mapping[int, Finding]) -> Rebuilt | None:
        return self.row.rebuilt(self.endpoint, self.request, self.params, findings)

    def items(self, status: int, body: Any) -> tuple[Item, ...]:
        text = body if isinstance(body, str) else json.dumps(body)
        return self.row.items(self.endpoint, self.params, Reply(status, b"x", (), text.encode(), 1))


def _date(at_ms: int) -> tuple[bytes, bytes]:
    return b"Date", formatdate(at_ms // 1000, usegmt=True).encode()


NOT_THERE = Finding(Found.NOT_SO_FAR)
NEVER = Finding(Found.NEVER)


def done(body: Any = None, **order: Any) -> Finding:
    return Finding(Found.DONE, b"" if body is None else json.dumps(body).encode(), order)


def told(rebuilt: Rebuilt | None) -> tuple[int, Any]:
    assert rebuilt is not None
    return rebuilt.status, json.loads(rebuilt.body)
