"""Single values of the configuration, from text. All raise ValueError with a text that does not quote the value."""

import re
from datetime import date
from ipaddress import IPv6Address, ip_address

from proxy.model import Upstream

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
ACCOUNT_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"  # no dot: what holds one is an exchange's host
_DURATION = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)")
_UNIT_NS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~-]+)*)/?")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_ENDPOINT = re.compile(r"(GET|POST|PUT|PATCH|DELETE) /[!-~]*")
_UNIX_PATH_BYTES = 107  # sockaddr_un
_LONGEST_CACHE_NS = 3_600_000_000_000
_LONGEST_DEADLINE_NS = 600_000_000_000  # as of the header


def name(text: str) -> str:
    if re.fullmatch(NAME, text) is None:
        raise ValueError("a name is up to 64 letters, digits, `_`, `.` and `-`, and begins with a letter or digit")
    return text


def account_name(text: str) -> str:
    if re.fullmatch(ACCOUNT_NAME, text) is None:
        raise ValueError(
            "an account's name is up to 64 letters, digits, `_` and `-` (no dot), and begins with a letter or digit"
        )
    return text


def duration_ns(text: str) -> int:
    """`100ms`, `10s`, `1m`, `1h`, `1d` in nanoseconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("not a duration: write 100ms, 10s, 1m, 1h or 1d")
    return int(found[1]) * _UNIT_NS[found[2]]


def day(value: object) -> date:
    """A date as YYYY-MM-DD."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("not a date: write YYYY-MM-DD")


def ip_literal(text: str) -> str:
    """An address that a socket can be bound to or an exchange can see, in its one canonical spelling."""
    try:
        found = ip_address(text)
    except ValueError:
        raise ValueError("not an IPv4 or IPv6 address") from None
    if isinstance(found, IPv6Address) and (found.scope_id or found.ipv4_mapped):
        raise ValueError("write the address without an interface, and an IPv4 address as such")
    if found.is_unspecified or found.is_multicast:
        raise ValueError("not the address of one machine")
    return str(found)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def upstream(text: str) -> Upstream:
    """A base URL that the operator set; unencrypted only towards this machine."""
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError("write http(s)://host[:port][/path], without user name, query and fragment")
    scheme, host, path = found[1], found[2].strip("[]").lower(), found[4]
    port = int(found[3] or (443 if scheme == "https" else 80))
    if not 1 <= port <= 65535:
        raise ValueError("the port must be 1 to 65535")
    if not _is_host(host, bracketed=found[2].startswith("[")):
        raise ValueError("the host is neither a name nor an IP address")
    if any(segment in (".", "..") for segment in path.split("/")):
        raise ValueError("the path must not hold `.` or `..`")
    if scheme == "http" and not is_loopback(host):
        raise ValueError("http only towards this machine (127.0.0.0/8, ::1, localhost): write https")
    return Upstream(scheme, host, port, path, private_ok=True)


def _is_host(host: str, *, bracketed: bool) -> bool:
    try:
        return (ip_address(host).version == 6) == bracketed
    except ValueError:
        # A last label of digits would be read as a shortened IPv4 address.
        return not bracketed and _HOST.fullmatch(host) is not None and not host.rpartition(".")[2].isdigit()


def listener(text: str, *, allow_remote: bool) -> str:
    """`host:port` with an IP address, or `unix:/path`. Port 0 lets the system choose."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _UNIX_PATH_BYTES:
            raise ValueError("write unix:/path with a whole path of up to 107 bytes")
        return text
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        found = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        found = None
    port_fits = re.fullmatch(r"[0-9]{1,5}", port) is not None and int(port) <= 65535
    if not colon or found is None or (found.version == 6) != bracketed or not port_fits:
        raise ValueError("write IP:port (127.0.0.1:8787, [::1]:8787) or unix:/path")
    if not found.is_loopback and not allow_remote:
        raise ValueError("other machines could reach this: use a loopback address, or set allow_remote: true")
    return text


def cache_ns(text: str) -> int:
    """How long a kept answer may be passed on."""
    found = duration_ns(text)
    if found > _LONGEST_CACHE_NS:
        raise ValueError("an answer is kept for 1h at most")
    return found


def deadline_ns(text: str) -> int:
    """How long a call may wait in the queue."""
    found = duration_ns(text)
    if found > _LONGEST_DEADLINE_NS:
        raise ValueError("a call waits for 10m at most")
    return found


def endpoint(text: str) -> str:
    if _ENDPOINT.fullmatch(text) is None:
        raise ValueError("write METHOD /path, as in POST /api/v3/order")
    return text
