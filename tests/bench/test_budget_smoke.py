"""The budget benchmark measures what it says: virtual time, the exchange's counting, the legal maximum, and a run."""

import asyncio
import random
from dataclasses import replace

import pytest

from proxy.model import Scope, Shape
from tests.bench import virtual
from tests.bench.budget_run import SUBJECTS, measure
from tests.bench.counting import AHEAD_MS, Booked, ExchangeSide, Rule, Work
from tests.bench.legal import share
from tests.bench.scenarios import READ, SCENARIOS, Demand, Scenario, chosen
from tests.bench.virtual import WALL_START_MS, VirtualClock

_FIXED = Rule("weight", Scope.ADDRESS, Shape.FIXED, 10, 10, told=True)
_GREEDY = Demand("bot", READ, ({"weight": 1},), 8)
_SHORT = Scenario("short", "short", (_FIXED,), (_GREEDY,), 35)


def test_virtual_time_moves_only_by_timers() -> None:
    async def main(clock: VirtualClock) -> tuple[int, int, list[str]]:
        began_ns, wall_ms, rang = clock.now_ns(), clock.wall_ms(), []
        clock.call_at(began_ns + 2_000_000_000, lambda: rang.append("second"))
        clock.call_at(began_ns + 1_000_000_000, lambda: rang.append("first"))
        clock.call_at(began_ns + 1_500_000_000, lambda: rang.append("never")).cancel()
        await asyncio.gather(clock.sleep_until(began_ns + 3_600_000_000_000), asyncio.sleep(5))
        return clock.now_ns() - began_ns, clock.wall_ms() - wall_ms, rang

    elapsed_ns, elapsed_ms, rang = virtual.run(main)
    assert 0 <= elapsed_ns - 3_600_000_000_000 < 1000
    assert elapsed_ms == 3_600_000
    assert rang == ["first", "second"]


def test_a_call_counts_when_it_arrives_on_the_exchanges_clock() -> None:
    """Sent just before the window's end by our clock, it lands in the next one, and a refused call counts as well."""

    async def main(clock: VirtualClock) -> ExchangeSide:
        side = ExchangeSide(clock, (replace(_FIXED, capacity=1),), random.Random(1))
        await clock.sleep_until(clock.now_ns() + 9_949_000_000)  # 9.999 s on the exchange's clock
        for outcome in ("ok", "throttled"):
            told = await side.send(Work("bot", READ, {"weight": 1}, clock.now_ns()), "k1", "a1")
            assert told.outcome == outcome
        assert told.used == {"weight": 2}
        return side

    side = virtual.run(main)
    (booked,) = side.tally.booked["weight", "a1"]
    assert WALL_START_MS + 10_000 + AHEAD_MS - 50 < booked.at_ms < WALL_START_MS + 10_200
    assert (side.tally.refused, side.tally.accepted) == (1, 1)


def test_who_fails_to_back_off_is_banned_and_knocks() -> None:
    async def main(clock: VirtualClock) -> ExchangeSide:
        side = ExchangeSide(clock, (replace(_FIXED, capacity=1, window_s=60),), random.Random(1))
        for _ in range(9):
            await side.send(Work("bot", READ, {"weight": 1}, clock.now_ns()), "k1", "a1")
        return side

    tally = virtual.run(main).tally
    # One is accepted, one warns, five offend; the first that hears of the ban is not to blame, the next one is.
    assert (tally.accepted, tally.refused, tally.bans, tally.other, tally.knocks) == (1, 6, 1, 1, 1)


@pytest.mark.parametrize(
    ("shape", "from_s", "to_s", "times_s", "expected"),
    [
        (Shape.FIXED, 11, 41, [12, 15, 21, 31, 39, 40.5], 3 / 6),  # only 20-30 and 30-40 are whole
        (Shape.SLIDING, 10, 51, [at_s + 0.1 for at_s in range(10, 51, 5)], 1.0),
        (Shape.SLIDING, 10, 51, [at_s + 0.1 for at_s in range(10, 51, 10)], 0.5),
        (Shape.DECAYING, 10, 32, [10, 11, 12, 13], 4 / 9),  # 3 + 6.6 in whole units
    ],
)
def test_the_share_is_of_what_was_legal(
    shape: Shape, from_s: float, to_s: float, times_s: list[float], expected: float
) -> None:
    async def main(clock: VirtualClock) -> float:
        capacity = 2 if shape is Shape.SLIDING else 3
        rule = replace(_FIXED, shape=shape, capacity=capacity)
        side = ExchangeSide(clock, (rule,), random.Random(1))
        side.tally.booked["weight", "a1"] = [Booked(at_s * 1e3, 1, "bot", "read") for at_s in times_s]
        return share(side, rule, ["a1"], from_s * 1e3, to_s * 1e3)

    assert virtual.run(main) == pytest.approx(expected)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_runs(subject: str) -> None:
    result = measure(_SHORT, subject)
    assert result.accepted > 20 and 0.9 <= result.share <= 1.0
    assert result.waits["read"].calls >= result.accepted
    if subject == "ordergate":
        assert result.refused == result.bans == result.knocks == 0


def test_the_same_seed_gives_the_same_run() -> None:
    first, second, other = (measure(_SHORT, "ordergate", seed) for seed in (1, 1, 2))
    assert replace(first, cpu_s=0.0) == replace(second, cpu_s=0.0)
    assert first.waits != other.waits


def test_a_broken_subject_does_not_pass_for_a_slow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.ordergate_paced.decide", None)
    with pytest.raises(TypeError):
        measure(_SHORT, "ordergate")


def test_scenarios_are_chosen_by_name_or_group() -> None:
    assert {row.name.split("-")[0] for row in SCENARIOS} == {f"S{n}" for n in range(1, 10)}
    assert [row.name for row in chosen("S9,S2-day")] == ["S9", "S2-day"]
    assert len(chosen("S1")) == 3 and chosen("") == list(SCENARIOS)
    with pytest.raises(ValueError, match="no scenario S0"):
        chosen("S0")


def test_a_restart_with_its_state_kept_is_not_refused() -> None:
    rule = replace(_FIXED, capacity=40)
    kept = Scenario("kept", "kept", (rule,), (_GREEDY,), 35, restarts_s=(12.5, 18.0), state="kept")
    assert measure(kept, "ordergate", 1).refused == 0
    assert measure(replace(kept, state="damaged"), "ordergate", 1).refused == 0
    gone = measure(replace(kept, state="gone"), "ordergate", 1)
    assert gone.refused <= len(kept.restarts_s)  # one call per restart finds out
    assert measure(replace(kept, state="gone"), "aiolimiter", 1).refused > 2 * len(kept.restarts_s)
