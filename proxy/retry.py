"""What follows from a verdict: who rests, and whether another route may try. One table, pure.

A write goes out again only when the verdict says that it was not executed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from proxy.errors import NotSent
from proxy.limits.blocks import FOREVER_NS, Subject
from proxy.model import CallClass, Executed, Outcome, Route, Scope, Verdict

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS
_MILLISECOND_NS = 1_000_000
_FAIR_NS = _SECOND_NS  # with less time than this, an attempt that runs out of it says nothing about its address
_NO_ADDRESS_NS = 10 * _SECOND_NS
MAX_ATTEMPTS = 12
_WITNESSES = 3
_READ_ATTEMPTS = 3  # of unknown outcomes: a server in trouble is not helped by more
_ABOUT_KEYS = (Outcome.NOT_WHITELISTED, Outcome.DEAD, Outcome.NO_PERMISSION, Outcome.NONCE)


def unsent(fault: NotSent, given_ns: int, left_ns: int) -> Verdict:
    """The verdict on a call that never left: it had `given_ns` for its answer, and has `left_ns` of that still."""
    if fault.address_fault:
        return Verdict(Outcome.NEVER_CONNECTED, Executed.NO, Scope.ADDRESS, _NO_ADDRESS_NS, fault.reason)
    if given_ns < _FAIR_NS and left_ns < _MILLISECOND_NS:  # the bot's deadline is no fault of the address
        return Verdict(Outcome.UNAVAILABLE, Executed.NO, None, None, fault.reason)
    return Verdict(Outcome.NEVER_CONNECTED, Executed.NO, Scope.ADDRESS, None, fault.reason)


class Next(StrEnum):
    RETURN = "return"  # the answer as it is
    NEXT_ROUTE = "next_route"
    RESYNC = "resync"  # measure the clock or raise the nonce, then try once more
    UNKNOWN = "unknown"  # a write whose outcome nobody knows


@dataclass(frozen=True, slots=True)
class Block:
    subject: Subject
    duration_ns: int
    reason: str
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a call, for the decisions on the following ones."""

    route: Route
    verdict: Verdict
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    next: Next
    blocks: tuple[Block, ...] = ()
    lift: tuple[Subject, ...] = ()  # rests that end: the blame was somebody else's


def decide(
    verdict: Verdict,
    *,
    call_class: CallClass,
    endpoint: str,
    exchange: str,
    route: Route,
    earlier: tuple[Attempt, ...],
    strikes: Callable[[Subject], int],
    refusals: Callable[[Subject], int],
) -> Decision:
    """The decision after one answer.

    `strikes`: how often in a row a subject had to rest before. `refusals`: how many calls it refused since it was well.
    """
    outcome = verdict.outcome
    if outcome in (Outcome.ACCEPTED, Outcome.REFUSED):
        return Decision(Next.RETURN)
    tries = len(earlier) + 1
    if call_class.writes and (outcome is Outcome.UNKNOWN or verdict.executed is not Executed.NO):
        # Who is to blame rests all the same (Kraken's front: 429 to an order).
        blocks = _blocks(verdict, call_class, endpoint, exchange, route, strikes)
        return Decision(Next.RETURN if verdict.executed is Executed.YES else Next.UNKNOWN, blocks)
    if outcome in (Outcome.UNKNOWN, Outcome.UNAVAILABLE):
        again = not call_class.writes and tries < _READ_ATTEMPTS
        return Decision(Next.NEXT_ROUTE if again else Next.RETURN)
    if outcome is Outcome.CLOCK:
        once = tries < MAX_ATTEMPTS and not any(a.verdict.outcome is outcome for a in earlier)
        return Decision(Next.RESYNC if once else Next.RETURN)
    if route.key is None and outcome in _ABOUT_KEYS:
        return Decision(Next.RETURN)  # no key was used, so the request is the cause
    if outcome is Outcome.NONCE and tries < MAX_ATTEMPTS:
        same_key = (a for a in earlier if a.verdict.outcome is outcome and a.route.key == route.key)
        if not any(same_key):
            return Decision(Next.RESYNC)
    blocks = _blocks(verdict, call_class, endpoint, exchange, route, strikes)
    if verdict.suspect_request and not any(refusals(block.subject) for block in blocks):
        cleared = exonerated(earlier, refusals, witnesses=_WITNESSES - 1)
        if cleared and _said(earlier[-1]) == (verdict.outcome, verdict.code):
            return Decision(Next.RETURN, lift=cleared)
    lift: tuple[Subject, ...] = ()
    if outcome is Outcome.NOT_WHITELISTED and blocks[0].subject[0] == "key":
        lift = (("pair", route.account, route.key or ""),)  # it was the key, not its addresses
    return Decision(Next.RETURN if tries >= MAX_ATTEMPTS else Next.NEXT_ROUTE, blocks, lift)


def exonerated(
    attempts: tuple[Attempt, ...], refusals: Callable[[Subject], int], *, witnesses: int
) -> tuple[Subject, ...]:
    """Whom to lift the blame from, because the request is the cause (an x-of-y rule).

    That is so when `witnesses` different subjects, which refused no other call, gave the same answer. Lifting keeps
    the count of their refusals: a subject that refuses the next call too is to blame after all.
    """
    if not attempts or not attempts[-1].verdict.suspect_request:
        return ()
    said = _said(attempts[-1])
    blamed = {block.subject for attempt in attempts if _said(attempt) == said for block in attempt.blocks}
    if len(blamed) < witnesses or any(refusals(subject) > 1 for subject in blamed):
        return ()
    return tuple(blamed)


def _said(attempt: Attempt) -> tuple[Outcome, str]:
    return attempt.verdict.outcome, attempt.verdict.code


def _blocks(
    verdict: Verdict,
    call_class: CallClass,
    endpoint: str,
    exchange: str,
    route: Route,
    strikes: Callable[[Subject], int],
) -> tuple[Block, ...]:
    address: Subject = ("address", exchange, route.address)
    # A call without a key speaks for its address only.
    account: Subject = ("account", route.account) if route.key is not None else address
    key: Subject = ("key", route.account, route.key) if route.key is not None else address
    reason = f"{verdict.outcome}: {verdict.code}"
    subject = {Scope.ADDRESS: address, Scope.KEY: key}.get(verdict.blame or Scope.ACCOUNT, account)
    if route.key is None and verdict.outcome in _ABOUT_KEYS:
        return ()
    match verdict.outcome:
        case Outcome.THROTTLED:
            if subject is account and route.key is not None:
                # The widest scope, but only for the class of calls that was refused.
                subject = (*account, call_class)
            rest = max(verdict.wait_ns or 0, _growing(_SECOND_NS, strikes(subject), 5 * _MINUTE_NS))
            return (Block(subject, rest, reason),)
        case Outcome.BANNED:
            rest = verdict.wait_ns or _growing(2 * _MINUTE_NS, strikes(address), 60 * _MINUTE_NS)
            return (Block(address, rest, reason, probe=True),)
        case Outcome.NOT_WHITELISTED:
            pair: Subject = ("pair", route.account, route.key or "", route.address)
            refused, fresh = strikes(key), not strikes(pair)
            if refused >= 3 or (refused == 2 and fresh):  # the third address in a row that refuses: it is the key
                return (Block(key, _growing(_MINUTE_NS, refused - 2, 60 * _MINUTE_NS), reason, probe=True),)
            rest = _growing(10 * _MINUTE_NS, strikes(pair), 24 * 60 * _MINUTE_NS)
            # No rest for the key, but a strike: one for each address, however many calls were under way there.
            return (Block(pair, rest, reason), Block(key, 0, reason)) if fresh else (Block(pair, rest, reason),)
        case Outcome.SUSPENDED:
            rest = verdict.wait_ns or _growing(_MINUTE_NS, strikes(subject), 60 * _MINUTE_NS)
            return (Block(subject, rest, reason, probe=True),)
        case Outcome.DEAD:
            # A signature can also be refused for what the bot sent; only a repeated refusal is final then.
            final = not verdict.suspect_request or strikes(key) >= 5
            rest = FOREVER_NS if final else _growing(_MINUTE_NS, strikes(key), 60 * _MINUTE_NS)
            return (Block(key, rest, reason, probe=True),)
        case Outcome.NO_PERMISSION:
            subject = (*key, endpoint)
            return (Block(subject, _growing(10 * _MINUTE_NS, strikes(subject), 24 * 60 * _MINUTE_NS), reason),)
        case Outcome.NONCE:
            return (Block(key, _growing(5 * _SECOND_NS, strikes(key), 10 * _MINUTE_NS), reason, probe=True),)
        case Outcome.NEVER_CONNECTED:
            # Short: when the exchange itself is away, all addresses fail alike and must be back with it.
            return (Block(address, verdict.wait_ns or _growing(_SECOND_NS, strikes(address), 5 * _SECOND_NS), reason),)
        case _:
            return ()


def _growing(first_ns: int, strikes: int, most_ns: int) -> int:
    return min(first_ns << min(strikes, 30), most_ns)
