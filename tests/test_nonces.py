import asyncio
import json
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proxy.nonces
from proxy.errors import ConfigError
from proxy.nonces import Nonces
from tests.fakes import START_WALL_MS, FakeClock

KEY = "kraken-main/main"
OTHER = "kraken-main/extra"
BLOCK = 1_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nonces.json"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def start(path: Path, clock: FakeClock, *keys: str) -> Nonces:
    nonces = Nonces(path, clock)
    for key in keys or (KEY,):
        nonces.open(key)
    return nonces


def on_disk(path: Path, key: str = KEY) -> int:
    mark: int = json.loads(path.read_text())[key]
    return mark


def test_nonces_begin_at_the_clock_in_microseconds_and_rise_by_one(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock)
    first = nonces.take(KEY)
    assert first == START_WALL_MS * 1_000 + 1
    assert [nonces.take(KEY) for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_no_nonce_is_used_above_the_mark_on_disk(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock)
    for _ in range(3 * BLOCK):
        assert nonces.take(KEY) <= on_disk(path)


def test_a_crash_repeats_none_even_with_the_clock_standing_still(path: Path, clock: FakeClock) -> None:
    used: list[int] = []
    for count in (1, 0, 2500, 3, 999, 1000, 1001):
        nonces = start(path, clock)  # the former one is dropped without a word
        used += [nonces.take(KEY) for _ in range(count)]
    assert used == sorted(set(used))


def test_a_wall_clock_that_jumps_back_does_not_lower_them(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock)
    before = nonces.take(KEY)
    clock.wall_step_ms(-86_400_000)
    assert nonces.take(KEY) == before + 1
    assert start(path, clock).take(KEY) > before + 1


def test_after_a_rest_they_begin_at_the_clock_again(path: Path, clock: FakeClock) -> None:
    start(path, clock).take(KEY)
    clock.advance(3600 * 1_000_000_000)
    assert start(path, clock).take(KEY) == clock.wall_ms() * 1_000 + 1


def test_keys_do_not_share_numbers(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock, KEY, OTHER)
    for _ in range(10):
        nonces.take(KEY)
    assert nonces.take(OTHER) == START_WALL_MS * 1_000 + 1
    assert set(json.loads(path.read_text())) == {KEY, OTHER}


def test_keys_that_are_not_open_keep_their_marks(path: Path, clock: FakeClock) -> None:
    start(path, clock, KEY, OTHER)
    mark = on_disk(path, OTHER)
    start(path, clock, KEY)
    assert on_disk(path, OTHER) == mark


def test_lift_jumps_to_nanoseconds_and_stays_there(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock)
    nonces.lift(KEY)
    lifted = nonces.take(KEY)
    assert lifted > START_WALL_MS * 1_000_000
    assert lifted < 2**63
    assert on_disk(path) >= lifted
    assert start(path, clock).take(KEY) > lifted


def test_every_lift_is_a_jump(path: Path, clock: FakeClock) -> None:
    """Refused again, as by a program that takes nanoseconds from a clock ahead of ours."""
    nonces = start(path, clock)
    nonces.lift(KEY)
    before = nonces.take(KEY)
    nonces.lift(KEY)
    assert nonces.take(KEY) >= before + BLOCK


async def test_refill_raises_the_mark_without_the_loop_writing(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces = start(path, clock)
    writers: list[int] = []
    write = proxy.nonces._write
    monkeypatch.setattr(proxy.nonces, "_write", lambda *args: (writers.append(threading.get_ident()), write(*args))[0])
    used: list[int] = []
    for _ in range(6 * BLOCK):
        used.append(nonces.take(KEY))
        if nonces.low(KEY):
            await nonces.refill(KEY)
    assert used == list(range(used[0], used[0] + 6 * BLOCK))
    assert writers and threading.get_ident() not in writers
    assert on_disk(path) >= used[-1]


async def test_taking_goes_on_while_a_refill_is_under_way(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces = start(path, clock)
    while not nonces.low(KEY):
        nonces.take(KEY)
    writing, may_go_on = threading.Event(), threading.Event()
    write = proxy.nonces._write
    writes: list[dict[str, int]] = []

    def slow(path: Path, marks: dict[str, int]) -> None:
        writes.append(marks)
        writing.set()
        assert may_go_on.wait(10)
        write(path, marks)

    monkeypatch.setattr(proxy.nonces, "_write", slow)
    refills = [asyncio.ensure_future(nonces.refill(KEY)) for _ in range(5)]  # every call that sees the reserve low
    await asyncio.to_thread(writing.wait, 10)
    assert not nonces.low(KEY)
    taken = [nonces.take(KEY) for _ in range(400)]
    assert taken[-1] <= on_disk(path)
    may_go_on.set()
    await asyncio.gather(*refills)
    assert len(writes) == 1
    assert on_disk(path) >= taken[-1] + BLOCK


async def test_an_older_write_never_replaces_a_newer_one(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refill of one key is on its way to the disk while another key is lifted."""
    nonces = start(path, clock, KEY, OTHER)
    while not nonces.low(KEY):
        nonces.take(KEY)
    writing, may_go_on = threading.Event(), threading.Event()
    write = proxy.nonces._write

    def slow(path: Path, marks: dict[str, int]) -> None:
        if not writing.is_set():
            writing.set()
            assert may_go_on.wait(10)
        write(path, marks)

    monkeypatch.setattr(proxy.nonces, "_write", slow)
    refill = asyncio.ensure_future(nonces.refill(KEY))
    await asyncio.to_thread(writing.wait, 10)
    lift = asyncio.ensure_future(asyncio.to_thread(nonces.lift, OTHER))
    await asyncio.sleep(0)
    may_go_on.set()
    await asyncio.gather(refill, lift)
    lifted = nonces.take(OTHER)
    assert lifted > START_WALL_MS * 1_000_000
    assert on_disk(path, OTHER) >= lifted
    assert on_disk(path, KEY) >= nonces.take(KEY) + BLOCK


async def test_a_lift_in_a_thread_beside_taking_repeats_nothing(path: Path, clock: FakeClock) -> None:
    nonces = start(path, clock)
    used: list[int] = []

    def take_many() -> None:
        for _ in range(3_000):
            used.append(nonces.take(KEY))

    await asyncio.gather(
        asyncio.to_thread(take_many), *(asyncio.to_thread(nonces.lift, KEY) for _ in range(3)), nonces.refill(KEY)
    )
    assert used == sorted(set(used))
    assert on_disk(path) >= used[-1]
    assert nonces.take(KEY) > START_WALL_MS * 1_000_000  # the lifts were not lost


def test_what_a_torn_write_leaves_behind_is_ignored(path: Path, clock: FakeClock) -> None:
    before = start(path, clock).take(KEY)
    path.with_suffix(".part").write_text('{"kraken-main/ma')
    assert start(path, clock).take(KEY) > before
    assert [file.name for file in path.parent.iterdir()] == ["nonces.json"]


def test_a_write_that_fails_gives_no_nonce(path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    nonces = start(path, clock)
    while nonces.take(KEY) < on_disk(path):
        pass
    before = path.read_bytes()

    def full(path: Path, marks: dict[str, int]) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(proxy.nonces, "_write", full)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                nonces.take(KEY)
    assert path.read_bytes() == before
    assert nonces.take(KEY) <= on_disk(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\x00" * 40,
        "[]",
        "17",
        '{"kraken-main/main": "17"}',
        '{"a": 1.5}',
        '{"a": null}',
        '{"a": true}',
        '{"a": -1}',
    ],
)
def test_a_spoilt_file_says_what_to_do(path: Path, clock: FakeClock, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Nonces(path, clock)
    (complaint,) = caught.value.complaints
    assert complaint.startswith(f"{path}: ")
    assert "move it away" in complaint
    assert path.read_text() == text


def test_a_file_that_is_not_text_says_so_too(path: Path, clock: FakeClock) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="move it away"):
        Nonces(path, clock)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 1500)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("lift"), st.just(0)),
        st.tuples(st.just("step"), st.integers(-(10**9), 10**7)),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_happens_they_rise(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    path, clock = tmp_path_factory.mktemp("nonces") / "nonces.json", FakeClock()
    nonces = start(path, clock)
    used = [nonces.take(KEY)]
    for what, number in steps:
        match what:
            case "take":
                used += [nonces.take(KEY) for _ in range(number)]
            case "restart":
                nonces = start(path, clock)
            case "lift":
                nonces.lift(KEY)
            case "step":
                clock.wall_step_ms(number)
        used.append(nonces.take(KEY))
        assert used[-1] <= on_disk(path)
    assert all(one < two for one, two in pairwise(used))
