from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.limits.blocks import FOREVER_NS, Subject
from proxy.model import CallClass, Executed, Outcome, Route, Scope, Verdict
from proxy.retry import MAX_ATTEMPTS, Attempt, Block, Decision, Next, decide, exonerated

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
ROUTE = Route("main", "a", "192.0.2.1")
PUBLIC = Route("main", None, "192.0.2.1")
ADDRESS: Subject = ("address", "binance", "192.0.2.1")
KEY: Subject = ("key", "main", "a")
ACCOUNT: Subject = ("account", "main")
PAIR: Subject = ("pair", "main", "a", "192.0.2.1")
WRITES = [call_class for call_class in CallClass if call_class.writes]


def other(n: int, *, key: str = "a") -> Route:
    return Route("main", key, f"192.0.2.{n}")


def judged(
    outcome: Outcome,
    executed: Executed = Executed.NO,
    blame: Scope | None = None,
    wait_ns: int | None = None,
    *,
    call_class: CallClass = CallClass.READ,
    route: Route = ROUTE,
    earlier: tuple[Attempt, ...] = (),
    strikes: int | dict[Subject, int] = 0,
    suspect: bool = False,
    code: str = "-1",
) -> Decision:
    count: Callable[[Subject], int] = (
        (lambda subject: strikes.get(subject, 0)) if isinstance(strikes, dict) else (lambda subject: strikes)
    )
    return decide(
        Verdict(outcome, executed, blame, wait_ns, code, suspect),
        call_class=call_class,
        endpoint="GET /row",
        exchange="binance",
        route=route,
        earlier=earlier,
        strikes=count,
        refusals=count,
    )


def tried(outcome: Outcome, route: Route, *, code: str = "-1", blocks: tuple[Block, ...] = ()) -> Attempt:
    return Attempt(route, Verdict(outcome, Executed.NO, code=code), blocks)


def only(decision: Decision) -> Block:
    assert len(decision.blocks) == 1
    return decision.blocks[0]


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED])
@pytest.mark.parametrize("executed", list(Executed))
@pytest.mark.parametrize("call_class", [CallClass.READ, CallClass.PLACE])
def test_answers_about_the_business_go_back_as_they_are(
    outcome: Outcome, executed: Executed, call_class: CallClass
) -> None:
    assert judged(outcome, executed, call_class=call_class) == Decision(Next.RETURN)


@pytest.mark.parametrize(
    ("blame", "subject"),
    [
        (Scope.KEY, KEY),
        (Scope.ADDRESS, ADDRESS),
        (Scope.ACCOUNT, (*ACCOUNT, "place")),
        (None, (*ACCOUNT, "place")),
        (Scope.PAIR, (*ACCOUNT, "place")),
    ],
)
def test_throttled_blames_its_scope_or_the_widest(blame: Scope | None, subject: Subject) -> None:
    decision = judged(Outcome.THROTTLED, Executed.NO, blame, 7 * SECOND, call_class=CallClass.PLACE)
    assert decision.next is Next.NEXT_ROUTE
    block = only(decision)
    assert (block.subject, block.duration_ns, block.probe) == (subject, 7 * SECOND, False)


def test_back_off_grows_and_has_an_end() -> None:
    rests = [only(judged(Outcome.THROTTLED, blame=Scope.KEY, strikes=n)).duration_ns for n in (0, 1, 2, 5, 9, 500)]
    assert rests == [SECOND, 2 * SECOND, 4 * SECOND, 32 * SECOND, 5 * MINUTE, 5 * MINUTE]


def test_a_stated_wait_is_never_cut_short() -> None:
    assert only(judged(Outcome.THROTTLED, blame=Scope.KEY, wait_ns=HOUR, strikes=3)).duration_ns == HOUR


def test_a_banned_address_rests_for_all_and_comes_back_by_a_probe() -> None:
    decision = judged(Outcome.BANNED, blame=Scope.ADDRESS, wait_ns=17 * MINUTE)
    assert decision == Decision(Next.NEXT_ROUTE, (Block(ADDRESS, 17 * MINUTE, "banned: -1", probe=True),))
    rests = [only(judged(Outcome.BANNED, strikes=n)).duration_ns for n in range(8)]
    assert rests[0] == 2 * MINUTE
    assert rests == sorted(rests) and rests[-1] == HOUR


def test_not_whitelisted_blocks_the_pair_and_counts_against_the_key() -> None:
    decision = judged(Outcome.NOT_WHITELISTED, blame=Scope.PAIR)
    assert decision.next is Next.NEXT_ROUTE
    pair, key = decision.blocks
    assert (pair.subject, pair.duration_ns) == (PAIR, 10 * MINUTE)
    assert (key.subject, key.duration_ns, key.probe) == (KEY, 0, False)


def test_the_third_address_in_a_row_that_refuses_makes_it_the_key() -> None:
    rests = []
    for strikes in range(10):
        decision = judged(Outcome.NOT_WHITELISTED, blame=Scope.PAIR, strikes={KEY: strikes})
        key = decision.blocks[-1]
        assert key.subject == KEY
        assert key.probe == (key.duration_ns > 0)
        pairs = [block.duration_ns for block in decision.blocks if block.subject == PAIR]
        assert pairs == ([] if key.probe else [10 * MINUTE])
        assert decision.lift == ((("pair", "main", "a"),) if key.probe else ())
        rests.append(key.duration_ns)
    assert rests[:5] == [0, 0, MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert rests[-1] == HOUR


def test_many_calls_refused_at_one_address_are_one_strike_for_the_key() -> None:
    again = judged(Outcome.NOT_WHITELISTED, blame=Scope.PAIR, strikes={KEY: 2, PAIR: 1})
    assert [block.subject for block in again.blocks] == [PAIR]
    assert again.lift == ()
    third = judged(Outcome.NOT_WHITELISTED, blame=Scope.PAIR, strikes={KEY: 2, PAIR: 0})
    assert [block.subject for block in third.blocks] == [KEY]
    probe = judged(Outcome.NOT_WHITELISTED, blame=Scope.PAIR, strikes={KEY: 3, PAIR: 1})
    assert [block.subject for block in probe.blocks] == [KEY]


def test_a_pair_that_stays_refused_is_asked_less_and_less() -> None:
    rests = [judged(Outcome.NOT_WHITELISTED, strikes={PAIR: n}).blocks[0].duration_ns for n in range(12)]
    assert rests == sorted(rests)
    assert (rests[1], rests[-1]) == (20 * MINUTE, 24 * HOUR)


@pytest.mark.parametrize(("blame", "subject"), [(Scope.KEY, KEY), (Scope.ACCOUNT, ACCOUNT), (None, ACCOUNT)])
def test_suspended_rests_and_comes_back_by_a_probe(blame: Scope | None, subject: Subject) -> None:
    decision = judged(Outcome.SUSPENDED, blame=blame, wait_ns=3 * MINUTE)
    assert decision.next is Next.NEXT_ROUTE
    block = only(decision)
    assert (block.subject, block.duration_ns, block.probe) == (subject, 3 * MINUTE, True)


def test_a_dead_key_rests_until_the_operator_acts() -> None:
    decision = judged(Outcome.DEAD, blame=Scope.KEY)
    assert decision.next is Next.NEXT_ROUTE
    assert (only(decision).subject, only(decision).duration_ns) == (KEY, FOREVER_NS)


def test_a_signature_that_the_bot_may_have_spoilt_is_not_final_at_once() -> None:
    rests = [only(judged(Outcome.DEAD, blame=Scope.KEY, suspect=True, strikes=n)).duration_ns for n in range(6)]
    assert rests == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, FOREVER_NS]


def test_no_permission_rests_the_key_for_that_endpoint_only() -> None:
    decision = judged(Outcome.NO_PERMISSION, call_class=CallClass.PLACE)
    assert decision.next is Next.NEXT_ROUTE
    assert only(decision).subject == (*KEY, "GET /row")
    assert only(decision).duration_ns == 10 * MINUTE
    assert only(judged(Outcome.NO_PERMISSION, strikes=50)).duration_ns == 24 * HOUR


def test_a_clock_is_measured_again_once() -> None:
    assert judged(Outcome.CLOCK) == Decision(Next.RESYNC)
    assert judged(Outcome.CLOCK, code="-5", earlier=(tried(Outcome.CLOCK, other(2)),)) == Decision(Next.RETURN)


def test_a_nonce_is_raised_once_per_key_and_then_the_key_rests() -> None:
    assert judged(Outcome.NONCE) == Decision(Next.RESYNC)
    again = judged(Outcome.NONCE, code="-5", earlier=(tried(Outcome.NONCE, ROUTE),))
    assert again.next is Next.NEXT_ROUTE
    assert (only(again).subject, only(again).duration_ns, only(again).probe) == (KEY, 5 * SECOND, True)
    assert judged(Outcome.NONCE, earlier=(tried(Outcome.NONCE, other(1, key="b")),)) == Decision(Next.RESYNC)


@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, Outcome.UNKNOWN])
def test_reads_try_elsewhere_but_not_for_ever(outcome: Outcome) -> None:
    executed = Executed.NO if outcome is Outcome.UNAVAILABLE else Executed.UNKNOWN
    earlier: tuple[Attempt, ...] = ()
    sent = 1
    while judged(outcome, executed, earlier=earlier) == Decision(Next.NEXT_ROUTE):
        earlier += (tried(outcome, other(sent)),)
        sent += 1
    assert sent == 3
    assert judged(outcome, executed, earlier=earlier) == Decision(Next.RETURN)


def test_a_write_is_returned_when_the_exchange_says_that_it_is_down() -> None:
    assert judged(Outcome.UNAVAILABLE, call_class=CallClass.PLACE) == Decision(Next.RETURN)


def test_never_connected_rests_the_address_briefly() -> None:
    rests = [only(judged(Outcome.NEVER_CONNECTED, call_class=CallClass.PLACE, strikes=n)) for n in range(6)]
    assert {block.subject for block in rests} == {ADDRESS}
    assert [block.duration_ns // SECOND for block in rests] == [1, 2, 4, 5, 5, 5]
    assert judged(Outcome.NEVER_CONNECTED, call_class=CallClass.PLACE).next is Next.NEXT_ROUTE
    assert only(judged(Outcome.NEVER_CONNECTED, wait_ns=10 * SECOND)).duration_ns == 10 * SECOND


def suspected(number: int, outcome: Outcome = Outcome.BANNED, code: str = "firewall") -> Attempt:
    subject = ("address", "binance", other(number).address)
    verdict = Verdict(outcome, Executed.NO, code=code, suspect_request=True)
    return Attempt(other(number), verdict, (Block(subject, MINUTE, "firewall"),))


def test_three_routes_with_the_same_answer_make_the_request_the_cause() -> None:
    earlier = (suspected(2), suspected(3))
    fresh = {block.subject: 1 for attempt in earlier for block in attempt.blocks}
    decision = judged(Outcome.BANNED, suspect=True, code="firewall", earlier=earlier, strikes=fresh)
    assert decision.next is Next.RETURN
    assert decision.blocks == ()
    assert set(decision.lift) == set(fresh)


def test_too_few_witnesses_or_known_offenders_leave_the_blame_with_the_route() -> None:
    earlier = (suspected(2), suspected(3))
    fresh = {block.subject: 1 for attempt in earlier for block in attempt.blocks}
    for decision in (
        judged(Outcome.BANNED, suspect=True, code="firewall", earlier=earlier[:1], strikes=fresh),
        judged(Outcome.BANNED, suspect=True, code="another", earlier=earlier, strikes=fresh),
        judged(Outcome.BANNED, suspect=False, code="firewall", earlier=earlier, strikes=fresh),
        # One of them refused an earlier call as well, or this one did: it is the address after all.
        judged(Outcome.BANNED, suspect=True, code="firewall", earlier=earlier, strikes=fresh | {ADDRESS: 1}),
        judged(Outcome.BANNED, suspect=True, code="firewall", earlier=earlier, strikes=dict.fromkeys(fresh, 2)),
    ):
        assert decision.next is Next.NEXT_ROUTE
        assert decision.lift == ()
        assert decision.blocks


def test_all_keys_with_the_same_answer_make_the_request_the_cause_too() -> None:
    attempts = (suspected(2, Outcome.DEAD, "-1022"), suspected(3, Outcome.DEAD, "-1022"))
    blamed = {block.subject for attempt in attempts for block in attempt.blocks}
    assert set(exonerated(attempts, lambda subject: 1, witnesses=2)) == blamed
    assert exonerated(attempts, lambda subject: 2, witnesses=2) == ()
    assert exonerated(attempts[:1], lambda subject: 1, witnesses=2) == ()
    assert exonerated((), lambda subject: 1, witnesses=2) == ()


def test_attempts_have_an_end() -> None:
    earlier = tuple(tried(Outcome.THROTTLED, other(n)) for n in range(MAX_ATTEMPTS - 1))
    last = judged(Outcome.THROTTLED, blame=Scope.ADDRESS, earlier=earlier)
    assert last.next is Next.RETURN
    assert only(last).subject == ADDRESS  # the blame stands all the same
    assert judged(Outcome.THROTTLED, blame=Scope.ADDRESS, earlier=earlier[1:]).next is Next.NEXT_ROUTE
    for outcome in (Outcome.CLOCK, Outcome.NONCE):
        assert judged(outcome, earlier=earlier).next is Next.RETURN


@pytest.mark.parametrize("call_class", WRITES)
@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.ACCEPTED, Outcome.REFUSED)])
def test_a_write_of_unknown_fate_is_nothing_but_unknown(outcome: Outcome, call_class: CallClass) -> None:
    assert judged(outcome, Executed.UNKNOWN, call_class=call_class).next is Next.UNKNOWN


def test_who_is_to_blame_for_an_unknown_write_rests_too() -> None:
    """Kraken's front answers 429 to an order without saying whether it got in."""
    decision = judged(Outcome.THROTTLED, Executed.UNKNOWN, Scope.ADDRESS, 9 * SECOND, call_class=CallClass.PLACE)
    assert decision.next is Next.UNKNOWN
    assert (only(decision).subject, only(decision).duration_ns) == (ADDRESS, 9 * SECOND)


def test_a_write_that_was_executed_is_returned_whatever_else_was_said() -> None:
    assert judged(Outcome.THROTTLED, Executed.YES, Scope.KEY, call_class=CallClass.PLACE).next is Next.RETURN


@pytest.mark.parametrize("outcome", [Outcome.DEAD, Outcome.NO_PERMISSION, Outcome.NONCE, Outcome.NOT_WHITELISTED])
def test_a_call_without_a_key_cannot_make_a_key_or_an_address_pay(outcome: Outcome) -> None:
    """Else one public call to a path that wants a key would put an address out of service for ever."""
    assert judged(outcome, blame=Scope.KEY, call_class=CallClass.PUBLIC, route=PUBLIC) == Decision(Next.RETURN)


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.SUSPENDED, Outcome.BANNED])
@pytest.mark.parametrize("blame", [None, *Scope])
def test_a_call_without_a_key_speaks_for_its_address_only(outcome: Outcome, blame: Scope | None) -> None:
    assert only(judged(outcome, blame=blame, call_class=CallClass.PUBLIC, route=PUBLIC)).subject == ADDRESS


VERDICTS = st.builds(
    Verdict,
    st.sampled_from(Outcome),
    st.sampled_from(Executed),
    st.sampled_from([None, *Scope]),
    st.one_of(st.none(), st.integers(0, HOUR)),
    st.sampled_from(["", "-1", "-2"]),
    st.booleans(),
)
ROUTES = st.builds(
    Route, st.just("main"), st.sampled_from([None, "a", "b"]), st.sampled_from(["192.0.2.1", "192.0.2.2"])
)
ATTEMPTS = st.lists(st.builds(Attempt, ROUTES, VERDICTS), max_size=14).map(tuple)


@given(VERDICTS, st.sampled_from(CallClass), ROUTES, ATTEMPTS, st.integers(0, 100))
def test_laws_of_every_decision(
    verdict: Verdict, call_class: CallClass, route: Route, earlier: tuple[Attempt, ...], strikes: int
) -> None:
    decision = decide(
        verdict,
        call_class=call_class,
        endpoint="GET /row",
        exchange="binance",
        route=route,
        earlier=earlier,
        strikes=lambda subject: strikes,
        refusals=lambda subject: strikes,
    )
    again = decision.next in (Next.NEXT_ROUTE, Next.RESYNC)
    if call_class.writes and verdict.executed is not Executed.NO:
        assert not again
    if call_class.writes and verdict.outcome is Outcome.UNKNOWN:
        assert not again
    if not call_class.writes:
        assert decision.next is not Next.UNKNOWN
    if len(earlier) + 1 >= MAX_ATTEMPTS:
        assert not again
    for block in decision.blocks:
        assert 0 <= block.duration_ns <= FOREVER_NS
        if route.key is None:
            assert block.subject == ("address", "binance", route.address)
            assert block.duration_ns < FOREVER_NS
