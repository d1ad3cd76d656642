"""The journal over real files: what is durable when, what if the disk will not, and what a torn log leaves."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.errors import ConfigError, JournalDown
from proxy.model import Executed, Item
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


async def taken(journal: Journal) -> None:
    """Until the writer has all that was handed in."""
    async with asyncio.timeout(5):
        while True:
            await asyncio.sleep(0.001)
            if not journal._writer._jobs:
                return


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
    statements: list[str] = []
    journal._writer.connection.set_trace_callback(statements.append)
    numbers = await asyncio.gather(*(made(journal) for _ in range(500)))
    assert len(set(numbers)) == 500
    for number in numbers:
        journal.sent(number, "key-1", "192.0.2.1", 1)
        journal.mark(number, State.REJECTED)
    assert await journal.open_entries() == []
    handed = {text for text in statements if text.startswith("INSERT INTO hand")}  # its trigger shows it once more
    assert 2 <= len(handed) < 20 and not any(text.startswith("UPDATE writes") for text in statements)


async def test_nothing_of_it_happens_on_the_event_loop(journal: Journal) -> None:
    threads: set[int] = set()
    journal._writer.connection.set_trace_callback(lambda text: threads.add(threading.get_ident()))
    number = await made(journal)
    journal.mark(number, State.REJECTED)
    await journal.open_entries()
    assert threads and threading.get_ident() not in threads


async def test_a_full_disk_refuses_orders_and_still_takes_answers(journal: Journal, path: Path) -> None:
    numbers = [await made(journal) for _ in range(20)]
    pages = journal._writer.connection.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.connection.execute(f"PRAGMA max_page_count = {pages}")
    reserve = path.with_name("orders.db.reserve")
    assert reserve.stat().st_size == 4 << 20
    with pytest.raises(JournalDown, match="full"):
        for _ in range(2000):
            await made(journal)
    assert "full" in journal.fault and not reserve.exists()
    journal.mark(numbers[0], State.REJECTED)
    assert (await journal.open_entries())[0].id == numbers[1]
    journal._writer.connection.execute("PRAGMA max_page_count = 100000")
    await made(journal)
    assert journal.fault == "" and reserve.exists()


async def test_an_answer_that_cannot_be_written_is_not_lost(journal: Journal, path: Path) -> None:
    number = await made(journal)
    journal._writer.connection.execute("PRAGMA query_only = ON")
    journal.mark(number, State.EXECUTED)
    assert len(await journal.open_entries()) == 1  # it was tried
    with pytest.raises(JournalDown, match="readonly"):
        await journal.intend(INTENT)
    assert on_disk(path) == [("c-1", "intent")]
    journal._writer.connection.execute("PRAGMA query_only = OFF")
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
    await taken(journal)
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


# Items

ITEMS = (
    Item(0, "a", Executed.YES, "17"),
    Item(1, "half \ud800", Executed.NO, code='-2010 "no"'),
    Item(2, "\0", Executed.UNKNOWN),
)


async def test_what_came_of_each_order_of_a_call_is_kept(journal: Journal) -> None:
    number = await made(journal)
    journal.mark(number, State.UNKNOWN, items=ITEMS)
    (entry,) = await journal.open_entries()
    assert entry.items == ITEMS
    found = await journal.resolve("c-1", State.EXECUTED)
    assert found is not None and found.state is State.EXECUTED and found.items == ITEMS
    journal.mark(number, State.EXECUTED, items=ITEMS[:1])
    found = await journal.entry("c-1")
    assert found is not None and found.items == ITEMS[:1]


# Text that is none, and bytes that are no text


async def test_strange_text_comes_back_as_it_was(journal: Journal) -> None:
    odd = {"half": "\ud800", "nul": "a\0b", "quote": '"\\', "wide": "\u20ac\U0001f4b0"}
    number = await made(journal, replace(INTENT, params=odd, digest=bytes(range(256))))
    await made(journal, replace(INTENT, call="c-2"))
    every_byte = Answer(200, "text/\xe9", bytes(range(256)))
    journal.mark(number, State.EXECUTED, every_byte)
    found = await journal.entry("c-1")
    assert found is not None and found.answer == every_byte
    assert (found.intent.params, found.intent.digest) == (odd, bytes(range(256)))


async def test_names_that_differ_after_a_nul_are_two(journal: Journal) -> None:
    first, second = replace(INTENT, name="id:a\0b"), replace(INTENT, name="id:a\0c")
    numbers = [await made(journal, first), await made(journal, second)]
    found = await journal.intend(first)
    assert isinstance(found, Entry) and found.id == numbers[0]
    held = await journal.find("main", "grid", second.name)
    assert held is not None and held.id == numbers[1]


# Batches


async def test_names_that_are_taken_cost_nobody_else_his_order(journal: Journal) -> None:
    """Several names in one batch that are there already, one that comes twice, one that a change before it frees."""
    named = [replace(INTENT, call=f"c-{n}", name=f"id:{n}") for n in range(6)]
    first = [await made(journal, intent) for intent in named[:3]]
    journal.mark(first[2], State.REJECTED, free=True)
    again = [replace(intent, call=f"again-{n}") for n, intent in enumerate((*named, named[5]))]
    found = await asyncio.gather(*(journal.intend(intent) for intent in again))
    assert [entry.id for entry in found[:2] if isinstance(entry, Entry)] == first[:2]
    numbers = [number for number in found[2:6] if isinstance(number, int)]
    assert len(set(numbers)) == 4 and min(numbers) > max(first)
    last = found[6]
    assert isinstance(last, Entry) and last.intent == again[5] and last.id == numbers[3]
    assert len(await journal.open_entries()) == 6 and journal.fault == ""


async def test_a_freed_name_can_be_had_at_once(journal: Journal) -> None:
    named = replace(INTENT, name="id:x-1")
    for _ in range(20):
        number = await made(journal, named)
        journal.sent(number, "key-1", "192.0.2.1", 1)
        journal.mark(number, State.REJECTED, free=True)
    assert await journal.open_entries() == []


async def test_nobody_waits_for_a_change_and_it_comes_by_itself(journal: Journal, path: Path) -> None:
    number = await made(journal)
    statements: list[str] = []
    journal._writer.connection.set_trace_callback(statements.append)
    journal.sent(number, "key-1", "192.0.2.1", 1)
    journal.mark(number, State.UNKNOWN)
    journal.mark(number, State.EXECUTED)
    async with asyncio.timeout(0.9):  # before the thread would have looked by itself
        while on_disk(path) != [("c-1", "executed")]:
            await asyncio.sleep(0.001)
    assert len({text for text in statements if text.startswith("INSERT INTO hand")}) == 1


async def test_numbers_are_not_given_out_again(path: Path, clock: FakeClock) -> None:
    numbers: list[int] = []
    for _ in range(3):
        journal = Journal(path, clock)
        journal.open()
        numbers.append(await made(journal))
        journal.mark(numbers[-1], State.REJECTED)
        assert await journal.open_entries() == []
        await asyncio.to_thread(journal.close)
        clock.advance(8 * DAY_MS * 1_000_000)
        journal.open()
        await _until_gone(journal, "c-1")
        await asyncio.to_thread(journal.close)
    assert on_disk(path) == [] and numbers == [1, 2, 3]


async def test_an_order_that_nobody_waits_for_any_more_is_not_written(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock, durable_within_s=5)
    journal.open()
    asking = asyncio.ensure_future(journal.intend(INTENT))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await journal.open_entries() == []
    await asyncio.to_thread(journal.close)
    assert on_disk(path) == []


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
    journal._writer.connection.execute("PRAGMA busy_timeout = 50")
    tries: list[str] = []
    journal._writer.connection.set_trace_callback(tries.append)
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
        plans += journal._writer.connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM writes WHERE {what}").fetchall()
    assert all("USING INDEX" in plan[3] for plan in plans), plans
