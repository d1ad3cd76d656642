"""The top-level members of a JSON object as raw texts, so that what stays is not re-written.

Parsing and writing again would change a bot's `1.10` into `1.1` and its `1e-8` into another text.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from proxy.errors import BadCall

_SPACE = re.compile(r"[ \t\n\r]*")
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    raw: str  # the value's text as sent
    value: Any  # numbers are Number
    piece: str = ""  # everything between the commas: name, colon, value and the blanks around them


class Number(str):
    """A JSON number as its original text."""

    __slots__ = ()


def _constant(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadCall("bad_body", "a member of the JSON body is given twice")
    return found


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_constant, object_pairs_hook=_unique)


def members(body: bytes) -> list[Member]:
    """The members of a JSON object in order; BadCall if the body is not one, or names a member twice."""
    try:
        text = body.decode("utf-8")
        found = list(_scan(text))
        deep = any(_depth(member.value) > _MAX_DEPTH for member in found)
    except (ValueError, IndexError, RecursionError):
        raise BadCall("bad_body", "the body is not a JSON object") from None
    if len({member.name for member in found}) != len(found):
        raise BadCall("bad_body", "a member of the JSON body is given twice")
    if deep:
        raise BadCall("bad_body", "the JSON body is nested too deeply")
    return found


def join(found: Iterable[Member]) -> bytes:
    """An object of these members, each byte for byte as it was sent."""
    return ("{" + ",".join(member.piece for member in found) + "}").encode()


def dump(rows: Iterable[tuple[str, str]]) -> bytes:
    """An object of (name, raw value text)."""
    return ("{" + ",".join(f"{json.dumps(name)}:{raw}" for name, raw in rows) + "}").encode()


def put(found: Iterable[Member], name: str, text: str, *, bare: bool = False) -> list[Member]:
    """The members with this text as the last of them, instead of one of that name. `bare`: it is a number."""
    raw = text if bare else json.dumps(text)
    return [*(member for member in found if member.name != name), Member(name, raw, text, f"{json.dumps(name)}:{raw}")]


def raw_changed(member: Member, raw: str) -> Member:
    """The member with another value, in the same place. Its `value` is as it was."""
    end = len(member.piece.rstrip())
    start = end - len(member.raw)
    return replace(member, raw=raw, piece=member.piece[:start] + raw + member.piece[end:])


def edited_rows(member: Member, edit: Callable[[list[Member]], list[Member]]) -> str:
    """The raw text of a list with its objects edited; those that `edit` hands back as they are keep every byte."""
    pieces = []
    for row, piece in zip(member.value, _items(member.raw), strict=True):
        if isinstance(row, dict):
            found = members(piece.encode())
            new = edit(found)
            piece = piece if new is found else join(new).decode()
        pieces.append(piece)
    return "[" + ",".join(pieces) + "]"


def _items(raw: str) -> Iterator[str]:
    """The texts between the commas of a list that is known to be one."""
    begin = 1
    at = _skip(raw, begin)
    while raw[at] != "]":
        _, at = _DECODER.raw_decode(raw, at)
        at = _skip(raw, at)
        yield raw[begin:at]
        if raw[at] == ",":
            begin = at + 1
            at = _skip(raw, begin)


def _scan(text: str) -> Iterator[Member]:
    at = _skip(text, 0)
    if text[at] != "{":
        raise ValueError
    begin = at + 1
    at = _skip(text, begin)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str) or isinstance(name, Number):
            raise ValueError
        at = _skip(text, at)
        if text[at] != ":":
            raise ValueError
        start = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, start)
        at = _skip(text, end)
        yield Member(name, text[start:end], value, text[begin:at])
        if text[at] == ",":
            begin = at + 1
            at = _skip(text, begin)
            if text[at] == "}":
                raise ValueError
        elif text[at] != "}":
            raise ValueError
    if _skip(text, at + 1) != len(text):
        raise ValueError


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
