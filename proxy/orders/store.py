"""The journal's table: plain functions over one SQLite connection, each called by the writer's thread only."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from proxy.orders.records import Answer, Entry, Intent, State

_VERSION = 1
_OPEN = tuple(state.value for state in State if state.open)
_COLUMNS = (
    "id, call, bot, account, endpoint, name, digest, params, at_ms, state, key, address, valid_until_ms,"
    " status, content_type, body, ended_ms"
)
_SCHEMA = f"""
CREATE TABLE writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    call TEXT NOT NULL,
    bot TEXT NOT NULL,
    account TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    params TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    key TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    valid_until_ms INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    content_type TEXT,
    body BLOB,
    ended_ms INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX named ON writes (account, bot, name) WHERE name <> '' AND held;
CREATE INDEX called ON writes (call);
CREATE INDEX open_writes ON writes (state) WHERE state IN ({", ".join(repr(name) for name in _OPEN)});
CREATE INDEX ended ON writes (ended_ms) WHERE ended_ms > 0;
PRAGMA user_version = {_VERSION};
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that commits for good: WAL, and every commit is on the disk when it returns. A new file is ours
    alone, and so are the logs beside it, which take over its mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint is somebody else's work (journal.py)
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the table, or check that it is one of ours. Raises sqlite3.DatabaseError."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
    elif version != _VERSION:
        raise sqlite3.DatabaseError(f"its version is {version}, this program writes version {_VERSION}")


def insert(connection: sqlite3.Connection, intent: Intent) -> int | Entry:
    """The id of the new row; or the row that has the same name already."""
    row = (
        intent.call,
        intent.bot,
        intent.account,
        intent.endpoint,
        intent.name,
        intent.digest,
        json.dumps(dict(intent.params)),
        intent.at_ms,
        State.INTENT.value,
    )
    found = connection.execute(
        "INSERT INTO writes (call, bot, account, endpoint, name, digest, params, at_ms, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
        row,
    ).fetchone()
    if found is not None:
        return int(found[0])
    known = find(connection, intent.account, intent.bot, intent.name)
    assert known is not None
    return known


def find(connection: sqlite3.Connection, account: str, bot: str, name: str) -> Entry | None:
    """Who holds a name."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM writes WHERE account = ? AND bot = ? AND name = ? AND name <> '' AND held",
        (account, bot, name),
    ).fetchone()
    return _entry(row) if row is not None else None


def names(connection: sqlite3.Connection, most: int) -> list[tuple[str, str, str]]:
    """(account, bot, name) of the newest rows that hold one, oldest first."""
    rows = connection.execute(
        "SELECT account, bot, name FROM writes WHERE name <> '' AND held ORDER BY id DESC LIMIT ?", (most,)
    ).fetchall()
    return rows[::-1]


def sent(connection: sqlite3.Connection, number: int, key: str, address: str, valid_until_ms: int) -> None:
    connection.execute(
        "UPDATE writes SET state = ?, key = ?, address = ?, valid_until_ms = max(valid_until_ms, ?)"
        " WHERE id = ? AND ended_ms = 0",
        (State.SENT.value, key, address, valid_until_ms, number),
    )


def mark(
    connection: sqlite3.Connection, number: int, state: State, answer: Answer | None, at_ms: int, free: bool
) -> None:
    """A new state; `at_ms` counts as its end unless the state is an open one. `free`: its name may be used again."""
    row = (answer.status, answer.content_type, answer.body) if answer is not None else (None, None, None)
    connection.execute(
        "UPDATE writes SET state = ?, status = ?, content_type = ?, body = ?, ended_ms = ?, held = ? WHERE id = ?",
        (state.value, *row, 0 if state.open else at_ms, int(not free), number),
    )


def resolve(connection: sqlite3.Connection, call: str, state: State, at_ms: int) -> Entry | None:
    """Close an open row from outside; the row as it is then, or None if no open one has that call. What was not
    executed gives its name back."""
    found = entry(connection, call)
    if found is None or not found.state.open:
        return None
    mark(connection, found.id, state, None, at_ms, free=state is not State.EXECUTED)
    return entry(connection, call)


def forget(connection: sqlite3.Connection, before_ms: int, most: int) -> int:
    """Delete up to `most` rows that ended before; how many they were."""
    return connection.execute(
        "DELETE FROM writes WHERE id IN (SELECT id FROM writes WHERE ended_ms > 0 AND ended_ms < ? LIMIT ?)",
        (before_ms, most),
    ).rowcount


def open_entries(connection: sqlite3.Connection) -> list[Entry]:
    """All whose outcome is open, oldest first."""
    marks = ", ".join("?" * len(_OPEN))
    rows = connection.execute(f"SELECT {_COLUMNS} FROM writes WHERE state IN ({marks}) ORDER BY id", _OPEN)
    return [_entry(row) for row in rows]


def entry(connection: sqlite3.Connection, call: str) -> Entry | None:
    """By the id of its call."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM writes WHERE call = ?", (call,)).fetchone()
    return _entry(row) if row is not None else None


def pages(connection: sqlite3.Connection) -> tuple[int, int]:
    """Bytes that the table takes, and bytes of these that are free for new rows."""
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (count,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return size * count, size * free


def _entry(row: tuple[Any, ...]) -> Entry:
    number, call, bot, account, endpoint, name, digest, params, at_ms, state, key, address, valid_until_ms = row[:13]
    status, content_type, body, ended_ms = row[13:]
    intent = Intent(call, bot, account, endpoint, name, digest, json.loads(params), at_ms)
    answer = Answer(status, content_type, body) if status is not None else None
    return Entry(number, intent, State(state), key, address, valid_until_ms, answer, ended_ms)
