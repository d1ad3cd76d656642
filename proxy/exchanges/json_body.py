"""Requests whose parameters are JSON: read, and rid of dummies, without re-writing what stays."""

from collections.abc import Mapping

from proxy.errors import BadCall
from proxy.exchanges import texts
from proxy.exchanges.members import Member, join, members
from proxy.model import Incoming

ROWS = "[]"
"""The name under which a body that is a list stands among the parameters."""

_NONE: frozenset[str] = frozenset()


def body_members(body: bytes) -> list[Member]:
    """Of an object; a list counts as one member called ROWS. Raises BadCall."""
    if body.lstrip()[:1] == b"[":
        return members(b'{"' + ROWS.encode() + b'":' + body + b"}")
    return members(body)


def stripped(
    request: Incoming, *, headers: frozenset[str], query: frozenset[str] = _NONE, body: frozenset[str] = _NONE
) -> Incoming:
    """Without the named headers (lower case) and parameters; all else byte for byte. Raises BadCall.

    A GET has no body: its parameters are in the query, and several exchanges block who sends them a body.
    """
    sent = request.body
    if sent:
        if request.method == "GET":
            raise BadCall("bad_body", "the parameters of a GET belong in the query")
        found = body_members(sent)
        if any(member.name in body for member in found):
            sent = join(member for member in found if member.name not in body)
    return Incoming(
        request.method,
        request.path,
        texts.without(texts.plain(request.query), query),
        tuple(row for row in request.headers if row[0] not in headers),
        sent,
    )


def params(request: Incoming) -> Mapping[str, str]:
    """Of the query and of the body's first level, decoded; lists and objects as JSON text, nulls left out."""
    found = texts.collect((request.query,))
    for member in body_members(request.body) if request.body else ():
        if member.name in found:
            raise BadCall("duplicate_parameter", f"parameter {member.name[:40]!r} is given twice")
        if member.value is not None:
            found[member.name] = member.value if isinstance(member.value, str) else member.raw
    return found
