"""The operator's view of writes, and the end of those whose outcome only he knows.

    GET  /api/orders/unknown          open outcomes of which no call is under way
    GET  /api/orders/CALL             one write
    POST /api/orders/CALL/resolve     {"state": "executed" | "rejected" | "absent"}, with the token

The token is made anew at every start and stands in the state folder: who can read that may change what is in it.
"""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from proxy.errors import JournalDown
from proxy.orders.listing import row, rows
from proxy.orders.records import SETTLED, State
from proxy.writes import Writes

TOKEN_FILE = "admin.token"

_View = Callable[[web.Request], Awaitable[web.Response]]


def make_token(folder: Path) -> str:
    """A new token, in a file of mode 0600. Raises OSError."""
    token = secrets.token_hex(24)
    part = folder / f"{TOKEN_FILE}.part"
    part.unlink(missing_ok=True)
    with open(part, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(token + "\n")
    part.replace(folder / TOKEN_FILE)
    return token


def order_routes(writes: Writes, token: str) -> list[web.RouteDef]:
    """For the admin listener."""

    async def unknown(request: web.Request) -> web.Response:
        return _json({"orders": rows(await writes.resolution.open_entries())})

    async def show(request: web.Request) -> web.Response:
        found = await writes.journal.entry(request.match_info["call"])
        return _json(row(found)) if found is not None else _error(404, "no write has this call id")

    async def resolve(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
            return _error(403, f"this needs the token of {TOKEN_FILE} in the state folder")
        try:
            state = State(orjson.loads(await request.read())["state"])
        except (ValueError, KeyError, TypeError):
            state = State.UNKNOWN
        if state not in SETTLED:
            return _error(400, 'the body must be {"state": "executed"}, "rejected" or "absent"')
        found = await writes.resolution.settle(request.match_info["call"], state)
        if found is None:
            return _error(409, "no open outcome has this call id, or its call is still under way")
        return _json(row(found))

    return [
        web.get("/api/orders/unknown", _guarded(unknown)),
        web.get("/api/orders/{call}", _guarded(show)),
        web.post("/api/orders/{call}/resolve", _guarded(resolve)),
    ]


def _guarded(view: _View) -> _View:
    async def guarded(request: web.Request) -> web.Response:
        try:
            return await view(request)
        except JournalDown as fault:
            return _error(503, str(fault))

    return guarded


def _error(status: int, text: str) -> web.Response:
    return _json({"error": text}, status)


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")
