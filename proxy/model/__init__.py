"""The records that all floors speak: frozen, without I/O and without a clock."""

from proxy.model.answers import Executed, Item, NativeError, Outcome, Refusal, Reply, Verdict
from proxy.model.calls import (
    Auth,
    Call,
    CallClass,
    Cost,
    Credential,
    Endpoint,
    Incoming,
    SignedRequest,
    Stamp,
    Upstream,
)
from proxy.model.limits import Ask, Charge, KeyRoutes, Limit, NotUntil, Permit, Route, Scope, Shape, Usage

__all__ = [
    "Ask",
    "Auth",
    "Call",
    "CallClass",
    "Charge",
    "Cost",
    "Credential",
    "Endpoint",
    "Executed",
    "Incoming",
    "Item",
    "KeyRoutes",
    "Limit",
    "NativeError",
    "NotUntil",
    "Outcome",
    "Permit",
    "Refusal",
    "Reply",
    "Route",
    "Scope",
    "Shape",
    "SignedRequest",
    "Stamp",
    "Upstream",
    "Usage",
    "Verdict",
]
