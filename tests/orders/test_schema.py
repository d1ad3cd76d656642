"""Journals of the first version are taken over, all of them or not at all."""

import sqlite3
from pathlib import Path

import pytest

from proxy.errors import ConfigError
from proxy.orders import schema, store
from proxy.orders.journal import Journal
from proxy.orders.records import Answer, Intent, State
from tests.fakes import START_WALL_MS, FakeClock

FIRST = """
CREATE TABLE writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, call TEXT NOT NULL, bot TEXT NOT NULL, account TEXT NOT NULL,
    endpoint TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL, params TEXT NOT NULL, at_ms INTEGER NOT NULL,
    state TEXT NOT NULL, key TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '',
    valid_until_ms INTEGER NOT NULL DEFAULT 0, status INTEGER, content_type TEXT, body BLOB,
    ended_ms INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX named ON writes (account, bot, name) WHERE name <> '' AND held;
CREATE INDEX called ON writes (call);
CREATE INDEX open_writes ON writes (state) WHERE state IN ('intent', 'sent', 'unknown');
CREATE INDEX ended ON writes (ended_ms) WHERE ended_ms > 0;
PRAGMA user_version = 1;
"""
ODD = bytes(range(256))
ENDED_MS = START_WALL_MS - 1
ROWS: list[tuple[object, ...]] = [
    (1, "c-1", "", "sent", "key-1", "192.0.2.1", 9, None, None, None, 0, 1),
    (2, "c-2", "id:x", "rejected", "", "", 0, 400, "text/plain", b"no", ENDED_MS, 0),
    (3, "c-3", "id:x", "executed", "key-2", "192.0.2.2", 9, 200, "application/json", ODD, ENDED_MS, 1),
    (4, "c-4", "id:a\0b", "intent", "", "", 0, None, None, None, 0, 1),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of version 1, whose row 9 is gone."""
    found = tmp_path / "orders.db"
    connection = sqlite3.connect(found)
    connection.executescript(FIRST)
    for number, call, name, *rest in [*ROWS, (9, "c-9", "", "rejected", "", "", 0, None, None, None, 7, 1)]:
        connection.execute(
            "INSERT INTO writes VALUES (?, ?, 'grid', 'main', 'POST /order', ?, ?, '{\"n\": \"1\"}', 1"
            f"{', ?' * len(rest)})",
            (number, call, name, ODD, *rest),
        )
    connection.execute("DELETE FROM writes WHERE id = 9")
    connection.commit()
    connection.close()
    return found


async def test_all_rows_of_version_1_are_kept(path: Path) -> None:
    for _ in range(2):  # the second time it is of this version
        journal = Journal(path, FakeClock())
        journal.open()
        first, second, third, fourth = [await journal.entry(f"c-{n}") for n in range(1, 5)]
        assert first is not None and (first.key, first.address, first.valid_until_ms) == ("key-1", "192.0.2.1", 9)
        assert first.intent == Intent("c-1", "grid", "main", "POST /order", "", ODD, {"n": "1"}, 1)
        assert second is not None and second.answer == Answer(400, "text/plain", b"no") and second.ended_ms == ENDED_MS
        assert third is not None and third.answer == Answer(200, "application/json", ODD)
        assert fourth is not None and await journal.find("main", "grid", "id:a\0b") == fourth
        assert await journal.find("main", "grid", "id:x") == third
        assert [entry.id for entry in await journal.open_entries()] == [1, 4]
        assert third.items == () and third.state is State.EXECUTED
        journal.close()
    journal.open()
    made = await journal.intend(Intent("c-10", "grid", "main", "POST /order", "", b"", {}, 1))
    assert made == 10  # 9 was given out once
    journal.close()


def test_a_take_over_that_fails_changes_nothing(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE numbers (x)")  # in the way, near the end
    before = connection.execute("SELECT * FROM writes").fetchall()
    connection.close()
    with pytest.raises(ConfigError, match="numbers already exists"):
        Journal(path, FakeClock()).open()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM writes").fetchall() == before
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_open_rows_and_calls_are_found_without_reading_all(tmp_path: Path) -> None:
    connection = schema.connect(tmp_path / "orders.db")
    schema.prepare(connection)
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    store.open_entries(connection)
    store.entry(connection, "c-1")
    store.find(connection, "main", "grid", "id:x")
    store.resolve(connection, "c-1", State.ABSENT, 1)
    connection.set_trace_callback(None)
    plans = [row[3] for text in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    connection.close()
    assert len(plans) == 4 and all("USING INDEX" in plan for plan in plans), plans
