"""Faults on command: what to do with the next N requests that match."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from proxy.simulator.records import Asked

Action = Literal[
    "throttle",  # the exchange's own answer to too many requests
    "suspend_key",  # the key of the request, for `seconds` (None: until lifted)
    "delete_key",
    "ban_address",  # the peer's address, for `seconds`, the exchange's own way
    "cdn_ban",  # the peer's address, for `seconds`, 403 with HTML
    "unlist",  # take the peer's address off the key's whitelist
    "error",  # `status` with the exchange's own server error
    "unknown",  # the exchange's own "outcome not known" answer
    "maintenance",
    "drop",  # close the connection without an answer
    "truncate",  # half an answer, then close
    "garbage",  # 200 with a body that is not JSON
    "html",  # `status` with an HTML page
    "delay",  # `seconds`, then go on as usual
    "clock",  # the exchange's clock is off by `offset_ms` for this request
]
PAGE = b"<!DOCTYPE html><html><head><title>%d</title></head><body><h1>%s</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """`executed`: the request is carried out first, then the fault takes the answer's place.

    Empty matchers match all. `path`: a part of the path. `key`: an alias. `times` 0: until cleared.
    """

    action: Action
    exchange: str = ""
    method: str = ""
    path: str = ""
    account: str = ""
    key: str = ""
    address: str = ""
    times: int = 1
    skip: int = 0  # matching requests to leave alone first
    executed: bool = False
    seconds: float | None = None
    status: int = 502
    offset_ms: int = 0

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> "Fault":
        """Raises ValueError on unknown names or actions."""
        if unknown := sorted(set(data) - {f.name for f in fields(cls)}):
            raise ValueError(f"unknown name {', '.join(unknown)}")
        if data.get("action") not in get_args(Action):
            raise ValueError(f"unknown action {data.get('action')!r}")
        return cls(**data)

    def matches(self, asked: Asked, account: str, key: str) -> bool:
        return (
            self.exchange in ("", asked.exchange)
            and self.method in ("", asked.method)
            and self.path in asked.path
            and self.account in ("", account)
            and self.key in ("", key)
            and self.address in ("", asked.address)
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int
    skip: int


class Faults:
    """The armed faults, first come first served; one request meets at most one."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def __bool__(self) -> bool:
        return bool(self._armed)

    def inject(self, fault: Fault) -> None:
        self._armed.append(_Armed(fault, fault.times, fault.skip))

    def clear(self) -> None:
        self._armed.clear()

    def take(self, asked: Asked, account: str, key: str) -> Fault | None:
        for armed in self._armed:
            if not armed.fault.matches(asked, account, key):
                continue
            if armed.skip > 0:
                armed.skip -= 1
                continue
            if armed.fault.times > 0:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
            return armed.fault
        return None


def page(status: int, title: str) -> bytes:
    """The kind of HTML page that a CDN in front of an exchange shows."""
    return PAGE % (status, title.encode())
