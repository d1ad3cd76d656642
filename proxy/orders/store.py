"""The journal's rows: plain functions over one SQLite connection, each called by the writer's thread only."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

import orjson

from proxy.model import Executed, Item
from proxy.orders.jobs import Change, New
from proxy.orders.records import Answer, Entry, Intent, State
from proxy.orders.schema import plain_name

_COLUMNS = (
    "id, call, bot, account, endpoint, name, digest, params, at_ms, validity_ms, state, key, address, valid_until_ms,"
    " answer, ended_ms, items"
)
_PARAMS = 7  # their place in a row of news
_ITEMS = 10  # their place in a row of changes
_ROOM = 16_384


def hand(connection: sqlite3.Connection, changes: Iterable[Change], news: Iterable[New]) -> None:
    """All changes, then all new rows, in one statement; nothing of it if it raises sqlite3.Error or TypeError.

    A name that is taken already raises sqlite3.IntegrityError: `insert` says whose it is.
    """
    texts = _text([_changed(change) for change in changes], _ITEMS), _text([_new(new) for new in news], _PARAMS)
    connection.execute("INSERT INTO hand (changes, news) VALUES (?, ?)", texts)


def insert(connection: sqlite3.Connection, new: New) -> int | Entry:
    """The number of the row, which is new; or the row that has the same name already."""
    row = _new(new)
    done = connection.execute(
        "INSERT INTO writes (id, call, bot, account, endpoint, name, digest, params, at_ms, validity_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, bot, name) WHERE name <> '' AND held DO NOTHING",
        (*row[:_PARAMS], json.dumps(row[_PARAMS]), *row[_PARAMS + 1 :]),
    )
    if done.rowcount:
        return new.number
    known = find(connection, new.intent.account, new.intent.bot, new.intent.name)
    assert known is not None
    return known


def highest(connection: sqlite3.Connection) -> int:
    """The highest number that a row ever had."""
    (found,) = connection.execute(
        "SELECT max(highest, coalesce((SELECT max(id) FROM writes), 0)) FROM numbers"
    ).fetchone()
    return int(found)


def find(connection: sqlite3.Connection, account: str, bot: str, name: str) -> Entry | None:
    """Who holds a name."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM writes WHERE account = ? AND bot = ? AND name = ? AND name <> '' AND held",
        (account, bot, plain_name(name)),
    ).fetchone()
    return _entry(row) if row is not None else None


def names(connection: sqlite3.Connection, most: int) -> list[tuple[str, str, str]]:
    """(account, bot, name) of the newest rows that hold one, oldest first."""
    rows = connection.execute(
        "SELECT account, bot, name FROM writes WHERE name <> '' AND held ORDER BY id DESC LIMIT ?", (most,)
    ).fetchall()
    return rows[::-1]


def resolve(connection: sqlite3.Connection, call: str, state: State, at_ms: int) -> Entry | None:
    """Close an open row from outside; the row as it is then, or None if no open one has that call. What was not
    executed gives its name back."""
    found = entry(connection, call)
    if found is None or not found.state.open:
        return None
    connection.execute(
        "UPDATE writes SET state = ?, answer = NULL, ended_ms = ?, held = held AND ? WHERE id = ?",
        (state.value, at_ms, int(state is State.EXECUTED), found.id),
    )
    return entry(connection, call)


def forget(connection: sqlite3.Connection, before_ms: int, most: int) -> int:
    """Delete up to `most` rows that ended before; how many they were. Their numbers are not given out again."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("UPDATE numbers SET highest = max(highest, coalesce((SELECT max(id) FROM writes), 0))")
        gone = connection.execute(
            "DELETE FROM writes WHERE id IN (SELECT id FROM writes WHERE ended_ms > 0 AND ended_ms < ? LIMIT ?)",
            (before_ms, most),
        ).rowcount
        connection.execute("COMMIT" if gone else "ROLLBACK")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return gone


def try_out(connection: sqlite3.Connection, at_ms: int) -> None:
    """See whether the file takes writes that make it grow; what they take is free for rows afterwards. Raises
    sqlite3.Error."""
    for size in (0, _ROOM, 0):
        connection.execute("UPDATE health SET tried_ms = ?, room = zeroblob(?)", (at_ms, size))


def open_entries(connection: sqlite3.Connection) -> list[Entry]:
    """All whose outcome is open, oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM writes WHERE ended_ms = 0 ORDER BY id")
    return [_entry(row) for row in rows]


def ended_since(connection: sqlite3.Connection, at_ms: int) -> list[Entry]:
    """Those that ended then or later, oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM writes WHERE ended_ms >= ? ORDER BY id", (max(at_ms, 1),))
    return [_entry(row) for row in rows]


def entry(connection: sqlite3.Connection, call: str) -> Entry | None:
    """By the id of its call."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM writes WHERE call = ?", (call,)).fetchone()
    return _entry(row) if row is not None else None


def pages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes that the tables take, and bytes of these that are free for new rows."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return size * count, size * free


def _new(new: New) -> list[Any]:
    intent = new.intent
    return [
        new.number,
        intent.call,
        intent.bot,
        intent.account,
        intent.endpoint,
        plain_name(intent.name),
        intent.digest.hex(),
        dict(intent.params),
        intent.at_ms,
        intent.validity_ms,
    ]


def _changed(change: Change) -> list[Any]:
    """Left, by which key and address, until when; marked, as what, with which answer, when ended, name held, items."""
    left = (1, *change.left) if change.left is not None else (0, "", "", 0)
    mark = change.mark
    if mark is None:
        return [change.number, *left, 0, State.SENT.value, None, 0, 1, []]
    said = mark.answer
    answer = (said.status, said.content_type, said.body.decode("latin-1")) if said is not None else None
    items = [(item.index, item.id, item.executed.value, item.order, item.code) for item in mark.items]
    ended_ms = 0 if mark.state.open else mark.at_ms
    return [change.number, *left, 1, mark.state.value, answer, ended_ms, int(not mark.free), items]


def _text(rows: list[list[Any]], strange: int) -> str:
    """As JSON. What exchanges and bots wrote, at `strange`, may hold half a character: that stays an escape in it."""
    try:
        return orjson.dumps(rows).decode()
    except TypeError:
        spelt = ([*row[:strange], orjson.Fragment(json.dumps(row[strange])), *row[strange + 1 :]] for row in rows)
        return orjson.dumps(list(spelt)).decode()


def _entry(row: tuple[Any, ...]) -> Entry:
    number, call, bot, account, endpoint, name, digest, params, at_ms, validity_ms, state = row[:11]
    key, address, valid_until_ms, said, ended_ms, items = row[11:]
    intent = Intent(call, bot, account, endpoint, name, bytes.fromhex(digest), json.loads(params), at_ms, validity_ms)
    answer = None
    if said is not None:
        status, content_type, body = json.loads(said)
        answer = Answer(status, content_type, body.encode("latin-1"))
    return Entry(number, intent, State(state), key, address, valid_until_ms, answer, ended_ms, _items(items))


def _items(text: str) -> tuple[Item, ...]:
    rows = json.loads(text)
    return tuple(Item(index, name, Executed(executed), order, code) for index, name, executed, order, code in rows)
