"""A dry run: what would be sent, by which route and when. Nothing is sent and no cost is kept."""

from typing import Any

from proxy.limits.ledger import Ledger
from proxy.model import Ask, Call, Permit


def preview(call: Call, ask: Ask, ledger: Ledger) -> dict[str, Any]:
    """The unsigned request, the route it would get now, its costs, and the wait (ms; None: until a call ends)."""
    found = ledger.acquire(ask)
    route = wait_ms = held_by = None
    if isinstance(found, Permit):
        ledger.settle(found, sent=False, well=False)
        route = {"key": found.route.key, "address": found.route.address}
        wait_ms = 0
    else:
        wait_ms = None if found.wait_ns is None else found.wait_ns // 1_000_000
        held_by = found.what
    costs: dict[str, float] = {}
    for charge in ask.charges:  # orders of several symbols are charged each on their own
        costs[charge.limit.name] = costs.get(charge.limit.name, 0.0) + charge.units
    request, upstream = call.request, call.upstream
    return {
        "dry_run": True,
        "endpoint": call.endpoint.name,
        "class": call.endpoint.call_class,
        "to": f"{upstream.scheme}://{upstream.authority}{upstream.base_path}{request.path}",
        "method": request.method,
        "query": request.query,
        "body": request.body.decode("utf-8", "replace"),
        "route": route,
        "wait_ms": wait_ms,
        "held_by": held_by,
        "costs": costs,
    }
