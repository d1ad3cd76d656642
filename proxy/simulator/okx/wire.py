"""Reading an OKX request: headers, signed text, timestamp; and how OKX says no (v5 REST authentication, errors)."""

import base64
import hashlib
import hmac
import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from proxy.simulator.counters import SUBJECTS
from proxy.simulator.records import Answer, Asked

CLOCK_SLACK_MS = 30_000
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
# In the order in which they are asked for: header, code of its absence, name in the text.
HEADERS = (
    ("ok-access-key", "50103", "OK-ACCESS-KEY"),
    ("ok-access-passphrase", "50104", "OK-ACCESS-PASSPHRASE"),
    ("ok-access-sign", "50106", "OK-ACCESS-SIGN"),
    ("ok-access-timestamp", "50107", "OK-ACCESS-TIMESTAMP"),
)


class Refusal(Exception):
    """The exchange says no to the whole request, or, inside an order call, to one order (`code` is its sCode then)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.status = status
        self.code = code
        self.message = message


def bad(name: str, status: int = 400) -> Refusal:
    return Refusal(status, "51000", f"Parameter {name} error")


def missing(name: str) -> Refusal:
    return Refusal(400, "50014", f"Parameter {name} can not be empty.")


def refused(refusal: Refusal) -> Answer:
    body = {"code": refusal.code, "data": [], "msg": refusal.message}
    return Answer(refusal.status, orjson.dumps(body), refusal.code)


def signature(secret: str, timestamp: str, method: str, target: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, timestamp + METHOD + path with query as sent + body as sent))."""
    text = f"{timestamp}{method}{target}".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def target(asked: Asked) -> str:
    return f"{asked.path}?{asked.query}" if asked.query else asked.path


def stamped_ms(text: str) -> int:
    """The timestamp header: ISO 8601 in UTC, with milliseconds and Z."""
    try:
        if not _TIMESTAMP.fullmatch(text):
            raise ValueError
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(401, "50112", "Invalid OK-ACCESS-TIMESTAMP.") from None
    return round(at.timestamp() * 1000)


def query_of(asked: Asked) -> dict[str, str]:
    """Parameters of a GET. An empty one is as good as none."""
    pairs = parse_qsl(asked.query, keep_blank_values=True)
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise bad(name)
        found[name] = value
    return {name: value for name, value in found.items() if value}


def body_of(asked: Asked) -> Any:
    """The JSON of a POST: an object, or an array for the batch calls. Null and "" are as good as none."""
    if not asked.body:
        raise Refusal(400, "50000", "Body for POST request cannot be empty.")
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "50006", 'Invalid Content-Type. Please use "application/JSON".')
    try:
        data = orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "50002", "JSON syntax error") from None
    if isinstance(data, dict):
        return given(data)
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return [given(row) for row in data]
    raise Refusal(400, "50002", "JSON syntax error")


def given(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and value != ""}


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A parameter that must be a JSON string; "" if absent. Numbers are documented nowhere as values."""
    value = row.get(name, "")
    if not isinstance(value, str):
        raise bad(name)
    return value


def flag_of(row: Mapping[str, Any], name: str) -> bool:
    """A boolean, as JSON or as text."""
    value = row.get(name, False)
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise bad(name)
    return value


class SlidingUnits:
    """At most `capacity` units in any `window_s`; all of a request's units or none. What is refused does not count:
    the documents leave that open."""

    def __init__(self) -> None:
        self._subjects: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, subject: str, units: int, capacity: int, window_s: float, now: float) -> bool:
        times = self._subjects.setdefault(subject, deque())
        self._subjects.move_to_end(subject)
        if len(self._subjects) > SUBJECTS:
            self._subjects.popitem(last=False)
        while times and times[0] <= now - window_s:
            times.popleft()
        if len(times) + units > capacity:
            return False
        times.extend([now] * units)
        return True
