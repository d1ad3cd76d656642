"""The form every exchange fills in: one record of pure functions, and what they share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.exchanges.table import Table
from proxy.model import (
    Credential,
    Endpoint,
    Incoming,
    NativeError,
    Refusal,
    Reply,
    SignedRequest,
    Stamp,
    Usage,
    Verdict,
)

FORWARDED_HEADERS = frozenset({"accept", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. All functions are pure; `strip` and `params` raise BadCall on input they cannot read."""

    name: str
    table: Table
    token: Callable[[Incoming], str]
    """The text in the exchange's own key field, or ""."""
    strip: Callable[[Incoming], Incoming]
    """The request without dummy credentials, signature, nonce and time stamp; all else stays as it was sent."""
    params: Callable[[Incoming], Mapping[str, str]]
    """Decoded parameters of a stripped request, for costs and order ids only."""
    sign: Callable[[Incoming, Endpoint, Credential | None, Stamp], SignedRequest]
    """The bytes to send, for a stripped request. Without a credential: unsigned."""
    classify: Callable[[Endpoint, Reply, int], Verdict]
    """The judgement on an answer; the third argument is the exchange's wall time in ms, for stated ends of bans."""
    usage: Callable[[Reply], tuple[Usage, ...]]
    native_error: Callable[[Refusal, Incoming], NativeError]
    check_credential: Callable[[Credential], str]
    """A complaint about a key that cannot sign, or ""; never the secret."""
    nonces: bool = False
    """Signatures carry a nonce that must rise per key."""


def outgoing_headers(
    request: Incoming, *, extra: frozenset[str] = frozenset(), prefix: str = ""
) -> list[tuple[str, str]]:
    """The bot's headers that may leave: an allow list, so that nothing of ours or of a browser goes along."""
    return [
        (name, value)
        for name, value in request.headers
        if name in FORWARDED_HEADERS or name in extra or (prefix and name.startswith(prefix))
    ]


def encodings(request: Incoming, *, judged: bool) -> tuple[str, str]:
    """Accept-Encoding to send: plain for answers we must read, the bot's gzip for public ones."""
    gzip = not judged and "gzip" in request.header("accept-encoding").lower()
    return ("Accept-Encoding", "gzip" if gzip else "identity")


def target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
