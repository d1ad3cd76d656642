"""What an exchange's page wants of an operator: addresses on a whitelist, in which form, and what becomes of a key
without one; and the calls that show what a key may do. Read from the `keys` group of a table.

keys:
  source: where the exchange says so
  checked: 2026-08-21
  whitelist: {per: key, entry: paste, separator: ",", cap: 20, takes: [ipv4], reported: true, page: ..., without: ...}
  verify: {call: "GET /api/v3/account", query: "omitZeroBalances=true"}
  rights: {call: "GET /sapi/v1/account/apiRestrictions"}
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Per(StrEnum):
    """Whose the list is."""

    KEY = "key"
    ACCOUNT = "account"


class EntryMode(StrEnum):
    """How addresses get into the page."""

    PASTE = "paste"  # all at once
    SINGLE = "single"  # one at a time


class Takes(StrEnum):
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    RANGES = "ranges"  # networks in CIDR form


@dataclass(frozen=True, slots=True)
class Whitelist:
    """`cap`: most addresses, None where nobody says. `reported`: an API call tells the list. `without`: what becomes of
    a key that has none. `pool`: the exchange's own lists for registered applications, and what they mean here.
    """

    per: Per
    entry: EntryMode
    separator: str
    cap: int | None
    takes: frozenset[Takes]
    page: str
    without: str
    reported: bool = False
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A signed call that changes nothing. `call`: "METHOD path" of the table."""

    call: str
    query: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class KeyRules:
    """`verify`: the cheapest call that needs a key. `rights`: the one that tells a key's own rights, list or end."""

    whitelist: Whitelist
    verify: Question
    rights: Question | None = None


def key_rules(raw: dict[str, Any]) -> KeyRules:
    """Raises ValueError, KeyError or TypeError on what is not of this form."""
    if not raw.get("source") or not raw.get("checked"):
        raise ValueError("keys: without `source` or `checked`")
    told = raw["whitelist"]
    cap = told["cap"]
    if cap is not None and (not isinstance(cap, int) or cap < 1):
        raise ValueError("keys: the cap of a whitelist is a number of addresses, or null where nobody says")
    whitelist = Whitelist(
        Per(told["per"]),
        EntryMode(told["entry"]),
        told.get("separator", ","),
        cap,
        frozenset(map(Takes, told["takes"])),
        told["page"],
        told["without"],
        bool(told.get("reported", False)),
        told.get("pool", ""),
    )
    rights = raw.get("rights")
    return KeyRules(whitelist, Question(**raw["verify"]), Question(**rights) if rights else None)


def listed(whitelist: Whitelist, addresses: list[str]) -> list[str]:
    """What to type into the page: one text for all, or one for each address."""
    if whitelist.entry is EntryMode.SINGLE:
        return list(addresses)
    return [whitelist.separator.join(addresses)]
