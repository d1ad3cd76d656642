"""The journal's file: its tables, how one is opened, and how one of the first version is brought up to this one.

Written for SQLite 3.34: JSON functions and UPDATE FROM, without the -> operators, RETURNING and STRICT.
"""

import json
import os
import sqlite3
from pathlib import Path

_VERSION = 2
_TABLE = """
CREATE TABLE {name} (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    bot TEXT NOT NULL,
    account TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    params TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    validity_ms INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'intent',
    key TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '',
    valid_until_ms INTEGER NOT NULL DEFAULT 0,
    answer TEXT,
    ended_ms INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 1,
    items TEXT NOT NULL DEFAULT '[]'
);
"""
_REST = f"""
CREATE UNIQUE INDEX named ON writes (account, bot, name) WHERE name <> '' AND held;
CREATE INDEX called ON writes (call);
CREATE INDEX open_writes ON writes (id) WHERE ended_ms = 0;
CREATE INDEX ended ON writes (ended_ms) WHERE ended_ms > 0;
CREATE TABLE health (one INTEGER PRIMARY KEY CHECK (one = 1), tried_ms INTEGER NOT NULL, room BLOB NOT NULL);
CREATE TABLE numbers (one INTEGER PRIMARY KEY CHECK (one = 1), highest INTEGER NOT NULL);
INSERT INTO health VALUES (1, 0, x'');
INSERT INTO numbers VALUES (1, 0);
PRAGMA user_version = {_VERSION};
"""
# digest: hex. params: a JSON object. answer: [status, content type, body], with the body's bytes as the characters of
# latin-1, so that all of it is text. items: see store.py. numbers.highest: of the rows that were deleted.

_HAND = """
CREATE TEMP VIEW hand AS SELECT '' AS changes, '' AS news;
CREATE TEMP TRIGGER handed INSTEAD OF INSERT ON hand BEGIN
    UPDATE writes SET
        state = CASE WHEN u.marked OR writes.ended_ms = 0 THEN u.state ELSE writes.state END,
        key = CASE WHEN u.sent AND writes.ended_ms = 0 THEN u.key ELSE writes.key END,
        address = CASE WHEN u.sent AND writes.ended_ms = 0 THEN u.address ELSE writes.address END,
        valid_until_ms =
            CASE WHEN writes.ended_ms = 0 THEN max(writes.valid_until_ms, u.valid) ELSE writes.valid_until_ms END,
        answer = CASE WHEN u.marked THEN u.answer ELSE writes.answer END,
        ended_ms = CASE WHEN u.marked THEN u.ended_ms ELSE writes.ended_ms END,
        held = writes.held AND u.held,
        items = CASE WHEN u.marked THEN u.items ELSE writes.items END
    FROM (
        SELECT
            json_extract(value, '$[0]') AS id,
            json_extract(value, '$[1]') AS sent,
            json_extract(value, '$[2]') AS key,
            json_extract(value, '$[3]') AS address,
            json_extract(value, '$[4]') AS valid,
            json_extract(value, '$[5]') AS marked,
            json_extract(value, '$[6]') AS state,
            json_extract(value, '$[7]') AS answer,
            json_extract(value, '$[8]') AS ended_ms,
            json_extract(value, '$[9]') AS held,
            json_extract(value, '$[10]') AS items
        FROM json_each(NEW.changes)
    ) AS u
    WHERE writes.id = u.id;
    INSERT INTO writes (id, call, bot, account, endpoint, name, digest, params, at_ms, validity_ms)
    SELECT
        json_extract(value, '$[0]'),
        json_extract(value, '$[1]'),
        json_extract(value, '$[2]'),
        json_extract(value, '$[3]'),
        json_extract(value, '$[4]'),
        json_extract(value, '$[5]'),
        json_extract(value, '$[6]'),
        json_extract(value, '$[7]'),
        json_extract(value, '$[8]'),
        json_extract(value, '$[9]')
    FROM json_each(NEW.news);
END;
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that commits for good: WAL, and every commit is on the disk when it returns. A new file is ours
    alone, and so are the logs beside it, which take over its mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint is somebody else's work (writer.py)
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or check that they are ours and bring them up to date; then this connection can be handed rows.

    `INSERT INTO hand` is a whole batch in one statement and one transaction of its own: the thread gives up the
    interpreter lock once for it, and has to fight for it once. Raises sqlite3.DatabaseError.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _script(connection, _TABLE.format(name="writes") + _REST)
    elif version == 1:
        _migrate(connection)
    elif version != _VERSION:
        raise sqlite3.DatabaseError(f"its version is {version}, this program writes version {_VERSION}")
    connection.executescript(_HAND)


def plain_name(name: str) -> str:
    """JSON in SQLite ends a text at U+0000: a name keeps it as the sign for it."""
    return name.replace("\0", "\u2400")


def _migrate(connection: sqlite3.Connection) -> None:
    """From version 1: digests and bodies were blobs, an answer was three columns, and SQLite gave out the ids."""
    connection.create_function("plain_name", 1, plain_name, deterministic=True)
    connection.create_function("answer_text", 3, _answer_text, deterministic=True)
    same = "call, bot, account, endpoint"
    rest = "params, at_ms, state, key, address, valid_until_ms"
    _script(
        connection,
        f"""
        {_TABLE.format(name="moved")}
        INSERT INTO moved (id, {same}, name, digest, {rest}, answer, ended_ms, held)
        SELECT id, {same}, plain_name(name), lower(hex(digest)), {rest},
            CASE WHEN status IS NOT NULL THEN answer_text(status, content_type, body) END, ended_ms, held
        FROM writes;
        CREATE TEMP TABLE given AS SELECT coalesce(max(seq), 0) AS highest FROM sqlite_sequence WHERE name = 'writes';
        DROP TABLE writes;
        ALTER TABLE moved RENAME TO writes;
        {_REST}
        UPDATE numbers SET highest = (SELECT highest FROM given);
        DROP TABLE given;
        """,
    )


def _answer_text(status: int, content_type: str | None, body: bytes | None) -> str:
    return json.dumps([status, content_type or "", (body or b"").decode("latin-1")])


def _script(connection: sqlite3.Connection, text: str) -> None:
    """All of it or nothing."""
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {text} COMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
