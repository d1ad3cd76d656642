"""Parameters of Coinbase's calls, its spelling of things, and the shapes in which it says no."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import orjson

from proxy.simulator.market import Board, Market
from proxy.simulator.records import Answer, Asked

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


class Refusal(Exception):
    """The exchange says no to the whole request. An empty `error`: in plain text."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(f"{error} {message}")
        self.status = status
        self.error = error
        self.message = message


UNAUTHORIZED = (401, "", "Unauthorized")
TOO_MANY = (429, "rate_limit_exceeded", "Rate limit exceeded")


def invalid(message: str) -> Refusal:
    return Refusal(400, "INVALID_ARGUMENT", message)


def refused(refusal: Refusal, path: str) -> Answer:
    """In the shape of the API that was asked."""
    if not refusal.error:
        return Answer(refusal.status, refusal.message.encode(), str(refusal.status), content_type="text/plain")
    body: dict[str, Any] = {"error": refusal.error, "error_details": refusal.message, "message": refusal.message}
    if path.startswith("/v2/"):
        body = {"errors": [{"id": refusal.error.lower(), "message": refusal.message}]}
    return Answer(refusal.status, orjson.dumps(body), refusal.error)


class Query:
    """Parameters of a GET; those that are lists come repeated."""

    def __init__(self, text: str) -> None:
        self._found = parse_qs(text)

    def text(self, name: str) -> str:
        found = self._found.get(name, [""])
        if len(found) > 1:
            raise invalid(f"{name} given twice")
        return found[0]

    def texts(self, *names: str) -> list[str]:
        return [value for name in names for value in self._found.get(name, [])]

    def number(self, name: str, usual: int, most: int) -> int:
        text = self.text(name) or str(usual)
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise invalid(f"invalid {name}")
        return int(text)


def body_of(asked: Asked) -> dict[str, Any]:
    if asked.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise invalid("Content-Type must be application/json")
    try:
        data = orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise invalid("proto: syntax error") from None
    if not isinstance(data, dict):
        raise invalid("proto: syntax error")
    return data


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A parameter that must be a JSON string; "" if absent."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(f"invalid value for string field {name}")
    return value


def number_of(row: Mapping[str, Any], name: str) -> Decimal | None:
    text = text_of(row, name)
    if text and not _NUMBER.fullmatch(text):
        raise invalid(f"invalid {name}")
    return Decimal(text) if text else None


def iso(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def read_iso(text: str) -> int:
    """Milliseconds of an RFC 3339 time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("invalid time") from None
    if at.tzinfo is None:
        raise invalid("invalid time")
    return round(at.timestamp() * 1000)


def spell(board: Board) -> None:
    """Teach the board Coinbase's names."""
    for market in board.markets:
        board.spell("coinbase", market, product_id(market))


def product_id(market: Market) -> str:
    return f"{market.spec.base}-{market.spec.quote}"


def product(board: Board, name: str) -> Market:
    found = board.find("coinbase", name)
    if found is None:
        raise Refusal(404, "NOT_FOUND", "valid product_id is required")
    return found


def plain(number: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
