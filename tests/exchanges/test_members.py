"""Raw members of a JSON object: nothing that stays is written anew."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges.members import Member, Number, dump, edited_rows, join, members, put, raw_changed

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_BLANKS = st.text(" \t\n\r", max_size=2)


@st.composite
def _object(draw: st.DrawFn) -> tuple[list[tuple[str, str]], str]:
    """(name, piece) rows and the whole text, with blanks and escapes of all kinds."""
    names = draw(st.lists(st.text(max_size=6), unique=True, max_size=5))
    rows = []
    for name in names:
        quoted = json.dumps(name, ensure_ascii=draw(st.booleans()))
        value = json.dumps(draw(_VALUES), ensure_ascii=draw(st.booleans()))
        rows.append((name, f"{draw(_BLANKS)}{quoted}{draw(_BLANKS)}:{draw(_BLANKS)}{value}{draw(_BLANKS)}"))
    return rows, "{" + ",".join(piece for _, piece in rows) + "}"


@given(_object())
def test_join_restores_every_byte(built: tuple[list[tuple[str, str]], str]) -> None:
    rows, text = built
    found = members(text.encode())
    assert [m.name for m in found] == [name for name, _ in rows]
    if rows:
        assert join(found) == text.encode()
    assert [json.loads(m.raw) for m in found] == list(json.loads(text).values())


@given(_object(), st.integers(0, 5))
def test_a_member_taken_out_leaves_the_others_as_they_were(built: tuple[list[tuple[str, str]], str], at: int) -> None:
    rows, text = built
    kept = [row for i, row in enumerate(rows) if i != at]
    found = [m for i, m in enumerate(members(text.encode())) if i != at]
    assert join(found).decode() == "{" + ",".join(piece for _, piece in kept) + "}"


def test_numbers_keep_their_digits() -> None:
    found = members(b'{"a":1.10,"b":1e-8,"c":123456789012345678901234567890,"d":-0,"e":[1.0],"f":"1.10"}')
    assert [m.raw for m in found[:4]] == ["1.10", "1e-8", "123456789012345678901234567890", "-0"]
    assert all(isinstance(m.value, Number) for m in found[:4])
    assert found[4].value == ["1.0"]
    assert not isinstance(found[5].value, Number)


def test_dump_writes_names_and_raw_values() -> None:
    assert dump([("a", "1.10"), ('q"', '"x"')]) == b'{"a":1.10,"q\\"":"x"}'
    assert dump([]) == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b'"a"',
        b"{",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b"{,}",
        b'{"a":1 "b":2}',
        b'{"a":1}x',
        b'{"a":1}{"b":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b"{1:2}",
        b'{"a":"\n"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)
def test_refuses_what_a_reader_might_take_otherwise(body: bytes) -> None:
    with pytest.raises(BadCall) as caught:
        members(body)
    assert caught.value.reason == "bad_body"


@pytest.mark.parametrize("depth", [*range(200, 1000, 40), 100_000])
def test_deep_nesting_is_refused_and_nothing_else_is_raised(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        inner = opening * depth + "1" + closing * depth
        with pytest.raises(BadCall):
            members(f'{{"a":{inner}}}'.encode())


@given(_object(), st.text(max_size=6))
def test_what_is_put_in_stands_last_and_the_rest_stays(built: tuple[list[tuple[str, str]], str], name: str) -> None:
    rows, text = built
    sent = join(put(members(text.encode()), name, 'a"b')).decode()
    kept = [piece for other, piece in rows if other != name]
    assert sent == "{" + ",".join([*kept, f'{json.dumps(name)}:"a\\"b"']) + "}"
    assert json.loads(sent)[name] == 'a"b'


def test_a_changed_value_stands_where_the_old_one_stood() -> None:
    first, second = members(b'{"x": 1, "y" :\t[ 1.10 ]\n}')
    assert join([first, raw_changed(second, "[2]")]) == b'{"x": 1, "y" :\t[2]\n}'
    assert raw_changed(second, "[2]").raw == "[2]"


@given(st.lists(st.tuples(_BLANKS, st.one_of(_object().map(lambda o: o[1]), _VALUES.map(json.dumps)), _BLANKS)))
def test_edited_rows_keep_every_byte_of_the_others(rows: list[tuple[str, str, str]]) -> None:
    pieces = ["".join(row) for row in rows]
    [member] = members(('{"rows":[' + ",".join(pieces) + "]}").encode())
    assert edited_rows(member, lambda row: row) == "[" + ",".join(pieces) + "]" or pieces == []
    seen: list[list[Member]] = []

    def edit(row: list[Member]) -> list[Member]:
        seen.append(row)
        return put(row, "new", "1") if len(seen) == 1 else row

    found = json.loads(edited_rows(member, edit))
    objects = [row for row in found if isinstance(row, dict)]
    assert len(seen) == len(objects)
    assert [row.get("new") for row in objects[:1]] == ["1"] * len(objects[:1])
