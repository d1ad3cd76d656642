"""The search for lost writes: over random traces, absence is never proven of what is there, and the truth comes."""

import os
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.exchanges.lookup import Absence, Found
from proxy.orders.search import Proof, Search, looked

EXAMPLES = int(os.environ.get("ORDERGATE_EXAMPLES", "500"))
START = 1_790_000_000_000


@dataclass
class Truth:
    """An order at an exchange. `shown_ms`: from when looks find it, None: it never arrived."""

    shown_ms: int | None
    blind: list[bool] = field(default_factory=list)  # of the next looks, which tell nothing

    def look(self, at_ms: int) -> Found:
        if self.blind and self.blind.pop(0):
            return Found.CANNOT_TELL
        return Found.DONE if self.shown_ms is not None and at_ms >= self.shown_ms else Found.NOT_SO_FAR


def run(search: Search, truth: Truth, late: list[int], most: int = 200) -> tuple[Proof, int, int]:
    """The end of a search, how many looks it took, and when it ended. `late`: delays of its looks, in ms."""
    for count in range(1, most):
        at_ms = max(search.next_ms, search.last_ms) + (late.pop(0) if late else 0)
        search, proof = looked(search, truth.look(at_ms), at_ms)
        if proof is not Proof.OPEN:
            return proof, count, at_ms
    return Proof.OPEN, most, search.last_ms


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    valid_ms=st.integers(0, 60_000),
    absence=st.builds(Absence, st.integers(0, 60_000), st.integers(1, 4), st.integers(0, 5_000)),
    arrives=st.none() | st.floats(0, 1),
    lag=st.floats(0, 1),
    blind=st.lists(st.booleans(), max_size=12),
    late=st.lists(st.integers(0, 40_000), max_size=12),
)
def test_absence_is_never_proven_of_what_is_there(
    valid_ms: int, absence: Absence, arrives: float | None, lag: float, blind: list[bool], late: list[int]
) -> None:
    """Whenever it arrives while it is valid, and however long within the known bound it stays invisible."""
    shown = None if arrives is None else START + int(valid_ms * arrives) + int(absence.after_ms * lag)
    search = Search(START, START + valid_ms, absence)
    proof, _, ended_ms = run(search, Truth(shown, list(blind)), list(late))
    assert proof is (Proof.ABSENT if shown is None else Proof.THERE)
    # In time: all looks that count follow each other, but for those that were late or told nothing.
    slack_ms = sum(late) + 30_000 * (sum(blind) + 1)
    assert ended_ms <= search.proves_from_ms + absence.looks * absence.apart_ms + slack_ms


@pytest.mark.parametrize("valid_ms", [0, 5_000, 60_000])
def test_what_is_there_at_once_is_seen_at_the_first_look(valid_ms: int) -> None:
    search = Search(START, START + valid_ms, Absence(5_000))
    assert run(search, Truth(START), []) == (Proof.THERE, 1, START + 250)


def test_it_looks_soon_and_then_more_rarely_but_never_misses_a_look_that_counts() -> None:
    search = Search(START, START + 5_000, Absence(2_000, looks=3, apart_ms=1_500))
    times = []
    truth = Truth(None)
    proof = Proof.OPEN
    while proof is Proof.OPEN:
        times.append(search.next_ms - START)
        search, proof = looked(search, truth.look(search.next_ms), search.next_ms)
    assert times == [250, 750, 1750, 3750, 7000, 8500, 10_000]
    assert proof is Proof.ABSENT


def test_looks_that_tell_nothing_prove_nothing_and_become_rare() -> None:
    search = Search(START, START, Absence(0, looks=1))
    times = []
    for _ in range(12):
        times.append(search.next_ms)
        search, proof = looked(search, Found.CANNOT_TELL, search.next_ms)
        assert proof is Proof.OPEN
    assert times[-1] - times[-2] == 30_000


def test_a_look_from_before_the_end_of_validity_does_not_count_though_its_answer_comes_after() -> None:
    search = Search(START, START + 5_000, Absence(0, looks=1))
    search, proof = looked(search, Found.NOT_SO_FAR, START + 4_999)
    assert proof is Proof.OPEN
    assert looked(search, Found.NOT_SO_FAR, START + 5_000)[1] is Proof.ABSENT


def test_two_looks_at_once_are_one() -> None:
    search = Search(START, START, Absence(0, looks=2, apart_ms=1_000))
    search, _ = looked(search, Found.NOT_SO_FAR, START)
    search, proof = looked(search, Found.NOT_SO_FAR, START + 999)
    assert proof is Proof.OPEN
    assert looked(search, Found.NOT_SO_FAR, START + 1_000)[1] is Proof.ABSENT


def test_after_a_restart_it_begins_anew_and_a_validity_that_is_over_counts() -> None:
    search = Search(START + 3_600_000, START, Absence(5_000, looks=2))
    proof, looks, ended_ms = run(search, Truth(None), [])
    assert proof is Proof.ABSENT and looks >= 2
    assert ended_ms <= START + 3_600_000 + 5_000 + 2_000
