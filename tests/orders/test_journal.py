"""The journal over real files: what is durable when, what if the disk will not, and what a torn log leaves."""

import asyncio
import random
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import ConfigError, JournalDown
from proxy.orders import store
from proxy.orders.journal import Journal
from proxy.orders.records import Answer, Entry, Intent, State
from tests.fakes import FakeClock

INTENT = Intent("c-1", "grid", "main", "POST /order", "", b"digest", {"symbol": "BTCUSDT"}, 1_700_000_000_000)
DAY_MS = 86_400_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def journal(path: Path, clock: FakeClock) -> AsyncIterator[Journal]:
    found = Journal(path, clock, durable_within_s=5)
    found.open()
    yield found
    await asyncio.to_thread(found.close)


def on_disk(path: Path) -> list[tuple[str, str]]:
    """(call, state) as another process sees it."""
    reader = sqlite3.connect(path)
    try:
        return reader.execute("SELECT call, state FROM writes ORDER BY id").fetchall()
    finally:
        reader.close()


async def made(journal: Journal, intent: Intent = INTENT) -> int:
    number = await journal.intend(intent)
    assert isinstance(number, int)
    return number


async def test_an_intent_is_on_the_disk_when_it_is_told_so(journal: Journal, path: Path) -> None:
    await made(journal)
    assert on_disk(path) == [("c-1", "intent")]


async def test_a_write_is_followed_to_its_end(journal: Journal) -> None:
    number = await made(journal)
    journal.sent(number, "key-1", "192.0.2.1", 1_700_000_005_000)
    (entry,) = await journal.open_entries()
    assert (entry.state, entry.key, entry.address, entry.valid_until_ms) == (
        State.SENT,
        "key-1",
        "192.0.2.1",
        1_700_000_005_000,
    )
    assert entry.intent == INTENT
    journal.mark(number, State.UNKNOWN)
    (entry,) = await journal.open_entries()
    assert entry.state is State.UNKNOWN and entry.ended_ms == 0
    journal.mark(number, State.EXECUTED, Answer(200, "application/json", b"{}"))
    assert await journal.open_entries() == []
    found = await journal.entry("c-1")
    assert found is not None and found.answer == Answer(200, "application/json", b"{}") and found.ended_ms > 0
    assert await journal.entry("c-2") is None


async def test_a_later_attempt_keeps_the_latest_end_of_validity(journal: Journal) -> None:
    number = await made(journal)
    journal.sent(number, "key-1", "192.0.2.1", 9_000)
    journal.sent(number, "key-2", "192.0.2.2", 8_000)
    (entry,) = await journal.open_entries()
    assert (entry.key, entry.valid_until_ms) == ("key-2", 9_000)


async def test_the_same_name_of_the_same_bot_is_one_write(journal: Journal) -> None:
    named = replace(INTENT, name="id:x-1")
    number = await made(journal, named)
    again = await journal.intend(replace(named, call="c-2", digest=b"other"))
    assert isinstance(again, Entry) and (again.id, again.intent) == (number, named)
    for other in (replace(named, bot="arb"), replace(named, account="second"), replace(named, name="id:x-2")):
        assert isinstance(await journal.intend(other), int)
    assert isinstance(await journal.intend(INTENT), int) and isinstance(await journal.intend(INTENT), int)


async def test_what_comes_together_is_committed_together(journal: Journal) -> None:
    commits: list[str] = []
    journal._connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    numbers = await asyncio.gather(*(made(journal) for _ in range(500)))
    assert len(set(numbers)) == 500
    assert len(commits) < 100


async def test_nothing_of_it_happens_on_the_event_loop(journal: Journal) -> None:
    threads: set[int] = set()
    journal._connection.set_trace_callback(lambda text: threads.add(threading.get_ident()))
    number = await made(journal)
    journal.mark(number, State.REJECTED)
    await journal.open_entries()
    assert threads and threading.get_ident() not in threads


async def test_a_full_disk_refuses_orders_and_still_takes_answers(journal: Journal, path: Path) -> None:
    numbers = [await made(journal) for _ in range(20)]
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    reserve = path.with_name("orders.db.reserve")
    assert reserve.stat().st_size == 4 << 20
    with pytest.raises(JournalDown, match="full"):
        for _ in range(2000):
            await made(journal)
    assert "full" in journal.fault and not reserve.exists()
    journal.mark(numbers[0], State.REJECTED)
    assert (await journal.open_entries())[0].id == numbers[1]
    journal._connection.execute("PRAGMA max_page_count = 100000")
    await made(journal)
    assert journal.fault == "" and reserve.exists()


async def test_an_answer_that_cannot_be_written_is_not_lost(journal: Journal, path: Path) -> None:
    number = await made(journal)
    journal._connection.execute("PRAGMA query_only = ON")
    journal.mark(number, State.EXECUTED)
    with pytest.raises(JournalDown, match="readonly"):
        await journal.intend(INTENT)
    assert on_disk(path) == [("c-1", "intent")]
    journal._connection.execute("PRAGMA query_only = OFF")
    await made(journal)
    assert on_disk(path)[0] == ("c-1", "executed")


async def test_a_slow_disk_refuses_in_time_and_the_journal_says_that_nothing_left(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, durable_within_s=0.02)
    journal.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalDown, match="too slow"):
        await journal.intend(INTENT)
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(5):
        while on_disk(path) != [("c-1", "rejected")]:
            await asyncio.sleep(0.005)
    await asyncio.to_thread(journal.close)


async def test_a_bot_that_hangs_up_meanwhile_leaves_no_open_entry(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, durable_within_s=5)
    journal.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asking = asyncio.ensure_future(journal.intend(INTENT))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(5):
        while on_disk(path) != [("c-1", "rejected")]:
            await asyncio.sleep(0.005)
    await asyncio.to_thread(journal.close)


async def test_closing_writes_down_what_is_left(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock)
    journal.open()
    number = await made(journal)
    for _ in range(1000):
        journal.sent(number, "key-1", "192.0.2.1", 1)
    journal.mark(number, State.REJECTED)
    await asyncio.to_thread(journal.close)
    assert on_disk(path) == [("c-1", "rejected")]
    assert not path.with_name("orders.db-wal").exists()


def test_old_entries_go_and_open_ones_stay(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock)
    journal.open()

    async def two() -> int:
        await made(journal)
        number = await made(journal, replace(INTENT, call="c-2"))
        journal.mark(number, State.REJECTED)
        return number

    asyncio.run(two())
    journal.close()
    clock.advance(8 * DAY_MS * 1_000_000)
    journal.open()
    asyncio.run(asyncio.wait_for(_until_gone(journal, "c-2"), 5))
    journal.close()
    assert on_disk(path) == [("c-1", "intent")]


async def _until_gone(journal: Journal, call: str) -> None:
    while await journal.entry(call) is not None:
        await asyncio.sleep(0.001)


def test_the_journal_does_not_outgrow_its_size(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, most_bytes=200_000)
    journal.open()

    async def fill() -> None:
        for _ in range(60):
            clock.advance(60_000_000_000)
            numbers = await asyncio.gather(*(made(journal) for _ in range(50)))
            for number in numbers:
                journal.mark(number, State.EXECUTED, Answer(200, "application/json", b"x" * 500))
            clock.advance(60_000_000_000)
            await journal.open_entries()

    asyncio.run(fill())
    journal.close()
    assert path.stat().st_size < 600_000
    assert on_disk(path)[-1] == ("c-1", "executed")


@pytest.mark.parametrize("spoilt", ["text", "foreign", "newer"])
def test_a_file_that_is_not_a_journal_is_refused_and_left_alone(path: Path, clock: FakeClock, spoilt: str) -> None:
    if spoilt == "text":
        path.write_text("not a database, but long enough to be looked at" * 100)
    else:
        other = sqlite3.connect(path)
        other.execute(f"PRAGMA user_version = {99 if spoilt == 'newer' else 7}")
        other.execute("CREATE TABLE theirs (x)")
        other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="the journal of orders cannot be used"):
        Journal(path, clock).open()
    assert path.read_bytes()[100:] == before[100:]


def test_torn_logs_leave_a_clean_beginning(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    """A log cut or scrambled anywhere: what is read is some beginning of what was written, in order."""
    journal = Journal(path, clock)
    journal.open()

    async def fill() -> None:
        for number in range(200):
            await made(journal, replace(INTENT, call=f"c-{number}"))

    asyncio.run(fill())
    images = tmp_path / "image"
    images.mkdir()
    for name in ("orders.db", "orders.db-wal"):
        shutil.copy(tmp_path / name, images / name)
    journal.close()
    rng = random.Random(4)
    lengths = set()
    whole = (images / "orders.db-wal").read_bytes()
    for _ in range(60):
        torn = tmp_path / "torn"
        shutil.rmtree(torn, ignore_errors=True)
        shutil.copytree(images, torn)
        cut = rng.randrange(len(whole))
        rest = rng.randbytes(len(whole) - cut) if rng.random() < 0.5 else b""
        (torn / "orders.db-wal").write_bytes(whole[:cut] + rest)
        connection = store.connect(torn / "orders.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        try:
            calls = [call for (call,) in connection.execute("SELECT call FROM writes ORDER BY id")]
        except sqlite3.OperationalError:
            calls = []  # cut before the table was made
        connection.close()
        assert calls == [f"c-{n}" for n in range(len(calls))]
        lengths.add(len(calls))
    assert len(lengths) > 20


# Names


async def test_a_name_that_was_freed_is_taken_by_the_next(journal: Journal) -> None:
    named = replace(INTENT, name="id:x-1")
    number = await made(journal, named)
    assert await journal.find("main", "grid", "id:x-1") == Entry(number, named, State.INTENT)
    journal.mark(number, State.REJECTED, free=True)
    assert await journal.find("main", "grid", "id:x-1") is None and await journal.names(10) == []
    again = await made(journal, replace(named, call="c-2"))
    assert again != number
    assert await journal.names(10) == [("main", "grid", "id:x-1")]
    journal.mark(again, State.EXECUTED, Answer(200, "", b""))
    held = await journal.find("main", "grid", "id:x-1")
    assert held is not None and held.state is State.EXECUTED
    for other in (("main", "arb", "id:x-1"), ("second", "grid", "id:x-1"), ("main", "grid", "")):
        assert await journal.find(*other) is None


async def test_the_newest_names_come_last(journal: Journal) -> None:
    for number in range(5):
        await made(journal, replace(INTENT, name=f"key:{number}"))
    await made(journal)
    assert [name for _, _, name in await journal.names(3)] == ["key:2", "key:3", "key:4"]


async def test_a_slow_write_gives_its_name_back(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, durable_within_s=0.02)
    journal.open()
    named = replace(INTENT, name="id:x-1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalDown, match="too slow"):
        await journal.intend(named)
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(5):
        while await journal.find("main", "grid", "id:x-1") is not None or on_disk(path) == []:
            await asyncio.sleep(0.005)
    assert on_disk(path) == [("c-1", "rejected")]
    await asyncio.to_thread(journal.close)


@pytest.mark.parametrize("state", [State.EXECUTED, State.REJECTED, State.ABSENT])
async def test_an_open_entry_is_closed_from_outside_once(journal: Journal, state: State) -> None:
    number = await made(journal, replace(INTENT, name="id:x-1"))
    journal.mark(number, State.UNKNOWN)
    assert await journal.resolve("c-2", state) is None
    found = await journal.resolve("c-1", state)
    assert found is not None and found.state is state and found.ended_ms > 0
    assert await journal.open_entries() == [] and await journal.resolve("c-1", state) is None
    assert (await journal.find("main", "grid", "id:x-1") is not None) is (state is State.EXECUTED)


# What must not end it


async def test_an_entry_that_cannot_be_written_is_nobody_elses_trouble(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    bad = replace(INTENT, name="half \ud800")
    results = await asyncio.gather(journal.intend(bad), journal.intend(INTENT), return_exceptions=True)
    assert isinstance(results[0], JournalDown) and isinstance(results[1], int)
    assert "UnicodeEncodeError" in caplog.text and "half" not in caplog.text
    assert journal.fault == "" and isinstance(await journal.intend(INTENT), int)


async def test_a_file_that_another_holds_does_not_cost_its_patience_for_each(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, durable_within_s=5)
    journal.open()
    journal._connection.execute("PRAGMA busy_timeout = 50")
    tries: list[str] = []
    journal._connection.set_trace_callback(lambda text: tries.append(text) if text.startswith("BEGIN") else None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(journal.intend(INTENT) for _ in range(100)), return_exceptions=True)
    assert all(isinstance(found, JournalDown) for found in results) and len(tries) < 20
    other.execute("ROLLBACK")
    other.close()
    assert isinstance(await journal.intend(INTENT), int) and journal.fault == ""
    await asyncio.to_thread(journal.close)


async def test_a_journal_that_does_not_answer_is_not_waited_for(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.orders.journal._READ_WITHIN_S", 0.01)
    journal = Journal(path, clock)
    journal.open()
    await asyncio.to_thread(journal.close)
    with pytest.raises(JournalDown, match="does not answer"):
        await journal.open_entries()


async def test_it_opens_on_a_full_disk(path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    journal = Journal(path, clock)
    journal.open()
    assert await journal.open_entries() == []
    await asyncio.to_thread(journal.close)


async def test_the_files_are_the_daemons_alone(journal: Journal, path: Path) -> None:
    await made(journal)
    files = list(path.parent.glob("orders.db*"))
    assert len(files) == 4 and {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_a_call_is_found_without_reading_all(journal: Journal) -> None:
    await made(journal)
    plans = []
    for what in ("call = 'c-1'", "account = 'a' AND bot = 'b' AND name = 'n' AND name <> '' AND held"):
        plans += journal._connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM writes WHERE {what}").fetchall()
    assert all("USING INDEX" in plan[3] for plan in plans), plans
