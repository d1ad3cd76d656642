"""Raw `a=1&b=2` texts: read and cut without decoding or re-encoding what stays."""

from collections.abc import Iterable
from urllib.parse import unquote_plus

from proxy.errors import BadCall


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def without(text: str, names: frozenset[str]) -> str:
    """`text` without the named parameters (compared decoded); the other pieces stay byte for byte."""
    if "%" not in text and not any(name in text for name in names):
        return text  # the usual case of an unsigned call: no name can hide where nothing is encoded
    return "&".join(p for p in text.split("&") if p and _decoded(p.partition("=")[0]) not in names)


def collect(texts: Iterable[str]) -> dict[str, str]:
    """All parameters of several texts; a name given twice is refused, as the exchange might read the other."""
    found: dict[str, str] = {}
    for text in texts:
        encoded = "%" in text or "+" in text
        for piece in text.split("&"):
            name, _, value = piece.partition("=")
            if encoded:
                name, value = unquote_plus(name), unquote_plus(value)
            if name in found and not name.endswith("[]"):
                raise BadCall("duplicate_parameter", f"parameter {name[:40]!r} is given twice")
            if piece:
                found[name] = value
    return found


def form_text(body: bytes) -> str:
    """A form body as text. Bytes that a form cannot hold are refused here: the exchange would answer
    them with "bad signature", which speaks against the key.
    """
    try:
        return plain(body.decode("ascii"))
    except UnicodeDecodeError:
        raise BadCall("bad_body", "the body is not a percent-encoded form") from None


def plain(text: str) -> str:
    """`text` itself if it is printable ASCII without blanks, as an encoded form or query must be."""
    # isprintable() over ASCII is exactly 0x20 to 0x7e.
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise BadCall("bad_body", "a parameter holds blanks or characters that are not percent-encoded")
    return text


def is_json(body: bytes) -> bool:
    """Whether a body looks like JSON, whatever its Content-Type says (curl labels JSON as a form)."""
    return body.lstrip()[:1] in (b"{", b"[")
