"""The request target of a bot, read strictly: what is not plain is refused, so nobody reads it another way."""

import re
from dataclasses import dataclass, replace

from proxy.errors import BadCall

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+(?::\d{1,5})?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_.~:@!$&'()*+,;=-]+)+/?")
_QUERY = re.compile(r"[\x21\x22\x24-\x7e]*")  # printable ASCII without a fragment sign
_MAX_TARGET = 65_536


@dataclass(frozen=True, slots=True)
class Target:
    """`token` and `host` are None where the target has none. `path` begins with "/"; nothing is decoded."""

    account: str
    path: str
    query: str
    host: str | None = None
    token: str | None = None


def parse_target(raw: str) -> Target:
    """`/[~token/]account/[host/]path[?query]`. BadCall for everything else, and for ambiguous paths."""
    path, query = split_target(raw)
    return replace(parse_path(path), query=query)


def split_target(raw: str) -> tuple[str, str]:
    """Path and query; the query is checked, the path is not."""
    if len(raw) > _MAX_TARGET:
        raise BadCall("bad_target", "the request target is too long", 414)
    path, _, query = raw.partition("?")
    if not path.startswith("/"):
        raise BadCall("bad_target", "the request target must begin with a slash")
    if not _QUERY.fullmatch(query):
        raise BadCall("bad_target", "the query holds characters that must be percent-encoded")
    return path, query


def parse_path(path: str) -> Target:
    """`/[~token/]account/[host/]path`, without a query."""
    token: str | None = None
    account, _, rest = path[1:].partition("/")
    if account.startswith("~"):
        token = account[1:]
        account, _, rest = rest.partition("/")
    if not _NAME.fullmatch(account):
        raise BadCall("bad_target", "the path must begin with the name of an account", 404)
    host: str | None = None
    first, _, after = rest.partition("/")
    if _HOST.fullmatch(first):
        host, rest = first.partition(":")[0].lower(), after
    return Target(account, _plain_path("/" + rest), "", host, token)


def _plain_path(path: str) -> str:
    """The path as sent; refused if it could mean another one to the exchange (dots, encodings, `//`, `\\`)."""
    if "%" in path:
        raise BadCall("bad_path", "percent-encoding is not taken in a path")
    if not _PATH.fullmatch(path):
        raise BadCall("bad_path", "the path is not a plain one: no empty segments, backslashes or controls")
    if any(segment in (".", "..") for segment in path.split("/")):
        raise BadCall("bad_path", "dot segments are not taken in a path")
    return path
