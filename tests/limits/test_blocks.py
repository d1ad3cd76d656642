import pytest

from proxy.limits.blocks import FOREVER_NS, Blocks, Subject

SECOND = 1_000_000_000
KEY: Subject = ("key", "main", "a")
OTHER: Subject = ("key", "main", "b")


@pytest.fixture
def blocks() -> Blocks:
    return Blocks()


def test_a_blocked_subject_rests_until_its_moment(blocks: Blocks) -> None:
    blocks.block(KEY, 0, 5 * SECOND, "throttled", probe=False)
    assert blocks.wait_ns(KEY, 2 * SECOND) == 3 * SECOND
    assert blocks.wait_ns(KEY, 5 * SECOND - 1) == 1
    assert blocks.wait_ns(KEY, 5 * SECOND) == 0
    assert blocks.wait_ns(OTHER, 0) == 0


def test_later_and_longer_blocks_win(blocks: Blocks) -> None:
    blocks.block(KEY, 0, 10 * SECOND, "long", probe=False)
    blocks.block(KEY, SECOND, 3 * SECOND, "short", probe=False)
    assert blocks.wait_ns(KEY, SECOND) == 9 * SECOND
    assert blocks.reason(KEY) == "long"
    blocks.block(KEY, SECOND, 20 * SECOND, "longer", probe=False)
    assert blocks.wait_ns(KEY, SECOND) == 19 * SECOND
    assert blocks.reason(KEY) == "longer"


def test_for_ever_lasts_until_the_operator_acts(blocks: Blocks) -> None:
    blocks.block(KEY, 7 * SECOND, 7 * SECOND + FOREVER_NS, "dead", probe=True)
    wait = blocks.wait_ns(KEY, 400 * 86_400 * SECOND)
    assert wait is not None and wait > FOREVER_NS // 2
    assert blocks.standing(8 * SECOND) == [(KEY, None, "dead")]
    blocks.unblock(KEY)
    assert blocks.wait_ns(KEY, 8 * SECOND) == 0
    blocks.started(KEY)
    assert blocks.wait_ns(KEY, 8 * SECOND) == 0  # the operator's word needs no probe
    assert blocks.strikes(KEY) == 1  # until an answer shows it well
    blocks.ended(KEY, 8 * SECOND, well=True)
    assert blocks.strikes(KEY) == 0


def test_one_burst_is_one_strike_but_every_refused_call_is_a_witness(blocks: Blocks) -> None:
    for now in (1, 2, 3):
        blocks.block(KEY, now, SECOND, "firewall", probe=False)
    assert (blocks.strikes(KEY), blocks.refusals(KEY)) == (1, 3)
    blocks.unblock(KEY)
    assert blocks.refusals(KEY) == 3
    blocks.ended(KEY, SECOND, well=True)
    assert (blocks.strikes(KEY), blocks.refusals(KEY)) == (0, 0)


def test_all_pairs_of_a_key_are_freed_at_once(blocks: Blocks) -> None:
    for alias, ip in (("a", "192.0.2.1"), ("a", "192.0.2.2"), ("b", "192.0.2.1")):
        blocks.block(("pair", "main", alias, ip), 0, SECOND, "not listed", probe=False)
    blocks.unblock(("pair", "main", "a"))
    assert [subject for subject, _, _ in blocks.standing(1)] == [("pair", "main", "b", "192.0.2.1")]


def test_standing_lists_what_is_in_force(blocks: Blocks) -> None:
    blocks.block(KEY, 0, 5 * SECOND, "a while", probe=False)
    blocks.block(OTHER, 0, SECOND, "short", probe=False)
    assert blocks.standing(2 * SECOND) == [(KEY, 3 * SECOND, "a while")]


def test_one_probe_then_a_ramp(blocks: Blocks) -> None:
    blocks.block(KEY, 0, SECOND, "suspended", probe=True)
    now = SECOND
    allowed = []
    while (size := _let_in(blocks, now)) < 100:
        allowed.append(size)
        now += 1
        for _ in range(size):
            blocks.ended(KEY, now - 1, well=True)
    assert allowed[0] == 1
    assert allowed == sorted(allowed)
    assert len(allowed) >= 3  # it takes several rounds


def _let_in(blocks: Blocks, now: int) -> int:
    size = 0
    while size < 100 and blocks.wait_ns(KEY, now) == 0:
        blocks.started(KEY)
        size += 1
    return size


def test_while_the_probe_is_out_nobody_follows(blocks: Blocks) -> None:
    blocks.block(KEY, 0, SECOND, "suspended", probe=True)
    assert blocks.wait_ns(KEY, SECOND) == 0
    blocks.started(KEY)
    assert blocks.wait_ns(KEY, SECOND) is None
    blocks.ended(KEY, SECOND, well=False)
    assert blocks.wait_ns(KEY, SECOND) == 0  # the next probe
    blocks.started(KEY)
    assert blocks.wait_ns(KEY, SECOND) is None


def test_a_failed_probe_rests_again_and_starts_over(blocks: Blocks) -> None:
    blocks.block(KEY, 0, SECOND, "suspended", probe=True)
    blocks.started(KEY)
    blocks.ended(KEY, SECOND, well=True)
    blocks.started(KEY)
    blocks.block(KEY, 2 * SECOND, 4 * SECOND, "suspended", probe=True)
    blocks.ended(KEY, SECOND, well=False)
    assert blocks.wait_ns(KEY, 3 * SECOND) == SECOND
    blocks.started(KEY)
    assert blocks.wait_ns(KEY, 4 * SECOND) is None


def test_strikes_count_refusals_in_a_row(blocks: Blocks) -> None:
    for turn in range(3):
        blocks.block(KEY, 10 * turn, 10 * turn + 5, "throttled", probe=False)
    assert blocks.strikes(KEY) == 3
    assert blocks.strikes(OTHER) == 0
    blocks.ended(KEY, 27, well=False)
    assert blocks.strikes(KEY) == 3
    blocks.ended(KEY, 27, well=True)
    assert blocks.strikes(KEY) == 0


def test_one_burst_is_one_strike(blocks: Blocks) -> None:
    """Thirty calls were out when the limit was hit; their thirty refusals are one event."""
    for late in range(30):
        blocks.block(KEY, late, late + SECOND, "throttled", probe=False)
    assert blocks.strikes(KEY) == 1
    assert blocks.wait_ns(KEY, 29) == SECOND


def test_answers_to_calls_from_before_the_block_prove_nothing(blocks: Blocks) -> None:
    blocks.block(KEY, 100, SECOND, "suspended", probe=True)
    for _ in range(20):
        blocks.ended(KEY, 99, well=True)
    assert blocks.strikes(KEY) == 1
    blocks.started(KEY)
    assert blocks.wait_ns(KEY, SECOND) is None
    blocks.ended(KEY, 99, well=True)  # nor do they end the probe
    assert blocks.wait_ns(KEY, SECOND) is None


def test_a_strike_without_a_rest_is_forgotten_with_any_good_answer(blocks: Blocks) -> None:
    blocks.block(KEY, 100, 100, "pair refused", probe=False)
    blocks.block(KEY, 100, 100, "pair refused", probe=False)
    assert blocks.strikes(KEY) == 2
    assert blocks.wait_ns(KEY, 100) == 0
    assert blocks.standing(100) == []
    blocks.ended(KEY, 50, well=True)
    assert blocks.strikes(KEY) == 0


def test_watching_is_off_when_nobody_was_ever_blamed(blocks: Blocks) -> None:
    assert not blocks.watching
    blocks.block(KEY, 0, SECOND, "throttled", probe=False)
    assert blocks.watching
    blocks.ended(KEY, 2 * SECOND, well=True)
    assert not blocks.watching


@pytest.mark.parametrize(("down_s", "wall_s", "left_s"), [(3, 4, 7), (4, 3, 7), (10, 12, 0)])
def test_of_two_ends_of_a_kept_block_the_later_one_holds(down_s: int, wall_s: int, left_s: int) -> None:
    blocks, again = Blocks(), Blocks()
    second = 1_000_000_000
    blocks.block(("key", "main", "a"), 0, 10 * second, "suspended", probe=False)
    again.restore(blocks.state(0, 5_000), 77 * second, 5_000 + wall_s * 1000, down_s * second)
    assert again.wait_ns(("key", "main", "a"), 77 * second) == left_s * second


def test_a_longer_block_that_stands_already_is_not_shortened() -> None:
    blocks, again = Blocks(), Blocks()
    blocks.block(("key", "main", "a"), 0, 10, "suspended", probe=False)
    again.block(("key", "main", "a"), 0, 10**9, "not on this host", probe=False)
    again.restore(blocks.state(0, 0), 0, 0, 0)
    assert again.wait_ns(("key", "main", "a"), 0) == 10**9
