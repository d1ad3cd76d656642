"""The bytes of a request, exactly as signed."""

import re
from functools import lru_cache

from proxy.model import SignedRequest, Upstream

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LENGTH_ALWAYS = frozenset(("POST", "PUT", "PATCH"))  # RFC 9110 section 8.6
# Two copies of one of these make two servers read two different requests.
_OURS = frozenset(("host", "content-length", "transfer-encoding", "connection"))


@lru_cache(maxsize=1024)
def _checked_method(method: str) -> str:
    if not _TOKEN.fullmatch(method):
        raise ValueError("the method is not an HTTP token")
    return method


@lru_cache(maxsize=1024)
def _header_lines(names: tuple[str, ...]) -> str:
    """A %-format that takes the values. Cached: a bot's calls carry the same few sets of names."""
    for name in names:
        if not _TOKEN.fullmatch(name):
            raise ValueError("a header name is not an HTTP token")
        if name.lower() in _OURS:
            raise ValueError(f"the header {name} is set by the client itself")
    return "".join(f"{name.replace('%', '%%')}: %s\r\n" for name in names)


def request_bytes(request: SignedRequest, upstream: Upstream) -> bytes:
    """Head and body as they go out in one write.

    Raises ValueError, without quoting the offending text, for anything that could end a line early:
    control characters or non-ASCII anywhere, a space in the method, target or authority.
    """
    method = _checked_method(request.method)
    target = upstream.base_path + request.target
    authority = upstream.authority
    names, values = zip(*request.headers, strict=True) if request.headers else ((), ())
    lines = _header_lines(names) % values
    joined = "".join(values)
    # isprintable() over ASCII is exactly 0x20 to 0x7e: no CR, LF, NUL or tab.
    if not (joined.isascii() and joined.isprintable()):
        raise ValueError("a header value holds a control or non-ASCII character")
    place = target + authority
    if not (place.isascii() and place.isprintable()) or " " in place:
        raise ValueError("the target or host holds a space, control or non-ASCII character")
    if not target.startswith("/"):
        raise ValueError("the target does not begin with a slash")
    body = request.body
    length = f"Content-Length: {len(body)}\r\n" if body or method in _LENGTH_ALWAYS else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{lines}{length}\r\n"
    return head.encode("ascii") + body
