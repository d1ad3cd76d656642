"""A file that cannot be written, and how the journal finds out by itself that it can again."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.errors import JournalDown
from proxy.orders.journal import Journal
from proxy.orders.records import Intent, State
from tests.fakes import FakeClock

INTENT = Intent("c-1", "grid", "main", "POST /order", "", b"digest", {"symbol": "BTCUSDT"}, 1)
SECOND_NS = 1_000_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def journal(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Journal]:
    found = Journal(tmp_path / "orders.db", clock, durable_within_s=5)
    found.open()
    yield found
    await asyncio.to_thread(found.close)


def pragma(journal: Journal, text: str) -> int:
    row = journal._writer.connection.execute(f"PRAGMA {text}").fetchone()
    return int(row[0]) if row else 0


async def a_second_later(journal: Journal, clock: FakeClock) -> None:
    """The writer has looked twice, so that what the first look found is seen."""
    clock.advance(SECOND_NS)
    await journal.entry("none")
    await journal.entry("none")


async def fill(journal: Journal) -> None:
    pragma(journal, f"max_page_count = {pragma(journal, 'page_count')}")
    with pytest.raises(JournalDown, match="full"):
        for _ in range(2000):
            await journal.intend(INTENT)


async def test_without_an_order_it_finds_out_that_the_file_can_be_written(
    journal: Journal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    pragma(journal, "query_only = ON")
    with pytest.raises(JournalDown):
        await journal.intend(INTENT)
    for _ in range(3):
        await a_second_later(journal, clock)
        assert "readonly" in journal.fault
    pragma(journal, "query_only = OFF")
    await a_second_later(journal, clock)
    assert journal.fault == ""
    said = [record.levelno for record in caplog.records if "written" in record.getMessage()]
    assert said == [logging.ERROR, logging.WARNING]
    assert await journal.open_entries() == []


async def test_it_tries_about_once_a_second(journal: Journal, clock: FakeClock) -> None:
    pragma(journal, "query_only = ON")
    with pytest.raises(JournalDown):
        await journal.intend(INTENT)
    tries: list[str] = []
    journal._writer.connection.set_trace_callback(tries.append)

    def tried() -> int:
        return len([text for text in tries if "health" in text])

    await journal.entry("none")
    await journal.entry("none")
    assert tried() == 0
    for number in range(1, 4):
        await a_second_later(journal, clock)
        assert tried() == number


async def test_a_full_disk_is_not_taken_for_well_because_old_rows_can_be_changed(
    journal: Journal, clock: FakeClock, tmp_path: Path
) -> None:
    number = await journal.intend(INTENT)
    assert isinstance(number, int)
    await fill(journal)
    journal.mark(number, State.REJECTED)
    entry = await journal.entry("c-1")
    assert entry is not None
    for _ in range(3):
        await a_second_later(journal, clock)
        assert "full" in journal.fault and not (tmp_path / "orders.db.reserve").exists()
    pragma(journal, "max_page_count = 100000")
    await a_second_later(journal, clock)
    assert journal.fault == "" and (tmp_path / "orders.db.reserve").exists()


async def test_a_disk_without_room_for_the_reserve_is_still_full(
    journal: Journal, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    await fill(journal)
    pragma(journal, "max_page_count = 100000")
    with monkeypatch.context() as patched:
        patched.setattr("os.posix_fallocate", full)
        await a_second_later(journal, clock)
        assert "No space left" in journal.fault and not (tmp_path / "orders.db.reserve").exists()
    await a_second_later(journal, clock)
    assert journal.fault == "" and (tmp_path / "orders.db.reserve").stat().st_size == 4 << 20


async def test_what_could_not_be_written_goes_before_all_is_well(journal: Journal, clock: FakeClock) -> None:
    number = await journal.intend(INTENT)
    assert isinstance(number, int)
    pragma(journal, "query_only = ON")
    journal.sent(number, "key-1", "192.0.2.1", 7)
    assert [entry.state for entry in await journal.open_entries()] == [State.INTENT]
    journal.mark(number, State.UNKNOWN)
    assert [entry.state for entry in await journal.open_entries()] == [State.INTENT] and journal.fault
    pragma(journal, "query_only = OFF")
    await a_second_later(journal, clock)
    (entry,) = await journal.open_entries()
    assert (entry.state, entry.key, entry.valid_until_ms) == (State.UNKNOWN, "key-1", 7) and journal.fault == ""
