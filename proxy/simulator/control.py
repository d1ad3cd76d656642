"""The simulator's own HTTP page: turn its knobs and read its ledger from another process."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from proxy.simulator.faults import Fault

if TYPE_CHECKING:
    from proxy.simulator.server import Simulator

ACTIONS = (
    "suspend_key",
    "lift_key",
    "delete_key",
    "set_trade",
    "suspend_account",
    "enlist",
    "unlist",
    "ban_address",
    "block_address",
    "lift_address",
    "set_clock_offset",
    "set_price",
    "count_by_account",
)


def control_app(sim: "Simulator") -> web.Application:
    """POST /do/<action> with the method's arguments as JSON; POST and DELETE /faults; GET /ledger."""

    async def act(request: web.Request) -> web.Response:
        action = request.match_info["action"]
        if action not in ACTIONS:
            return _json({"error": f"unknown action {action}"}, 404)
        try:
            getattr(sim, action)(**await _body(request))
        except (TypeError, KeyError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"ok": True})

    async def inject(request: web.Request) -> web.Response:
        try:
            sim.inject(Fault.from_mapping(await _body(request)))
        except (TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"ok": True})

    async def clear(request: web.Request) -> web.Response:
        sim.faults.clear()
        return _json({"ok": True})

    async def ledger(request: web.Request) -> web.Response:
        """`?entries=N`: also the newest N requests."""
        count = int(request.query.get("entries", "0") or 0)
        kept = sim.ledger
        return _json(
            {
                "counts": {f"{exchange} {outcome}": n for (exchange, outcome), n in kept.counts.items()},
                "orders_executed": kept.orders_executed,
                "duplicates": {" ".join(name): n for name, n in kept.duplicates().items()},
                "withdrawals": [asdict(w) for w in kept.withdrawals],
                "entries": [asdict(e) for e in list(kept.entries)[-count:]] if count > 0 else [],
            }
        )

    async def urls(request: web.Request) -> web.Response:
        return _json(sim.urls())

    app = web.Application()
    app.add_routes(
        [
            web.get("/", urls),
            web.post("/do/{action}", act),
            web.post("/faults", inject),
            web.delete("/faults", clear),
            web.get("/ledger", ledger),
        ]
    )
    return app


async def _body(request: web.Request) -> dict[str, Any]:
    data = orjson.loads(await request.read() or b"{}")
    if not isinstance(data, dict):
        raise ValueError("an object is wanted")
    return data


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")
