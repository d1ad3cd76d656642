"""What follows from a verdict: who rests, and whether another route may try. One table, pure.

A write goes out again only when the verdict says that it was not executed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from proxy.limits.blocks import FOREVER_NS, Subject
from proxy.model import CallClass, Executed, Outcome, Route, Scope, Verdict

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS
MAX_ATTEMPTS = 12
_READ_ATTEMPTS = 3  # of unknown outcomes: a server in trouble is not helped by more


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
    lift: tuple[Subject, ...] = ()  # blocks that turned out to be the request's fault


def decide(
    verdict: Verdict,
    *,
    call_class: CallClass,
    exchange: str,
    route: Route,
    earlier: tuple[Attempt, ...],
    strikes: Callable[[Subject], int],
) -> Decision:
    """The decision after one answer. `strikes`: how often in a row a subject was blamed before."""
    outcome = verdict.outcome
    if outcome in (Outcome.ACCEPTED, Outcome.REFUSED):
        return Decision(Next.RETURN)
    if outcome is Outcome.UNKNOWN or (verdict.executed is not Executed.NO and call_class.writes):
        if call_class.writes:
            return Decision(Next.UNKNOWN)
        return Decision(Next.NEXT_ROUTE if len(earlier) < _READ_ATTEMPTS else Next.RETURN)
    if outcome is Outcome.UNAVAILABLE:
        again = not call_class.writes and len(earlier) < _READ_ATTEMPTS
        return Decision(Next.NEXT_ROUTE if again else Next.RETURN)
    if outcome in (Outcome.CLOCK, Outcome.NONCE) and not _seen(earlier, verdict):
        return Decision(Next.RESYNC)
    if outcome is Outcome.CLOCK:
        return Decision(Next.RETURN)
    if verdict.suspect_request and (before := _seen(earlier, verdict)):
        # A second route answered the same: the request is the cause (an x-of-y rule with y = 2).
        return Decision(Next.RETURN, lift=tuple(block.subject for a in before for block in a.blocks))
    blocks = _blocks(verdict, call_class, exchange, route, strikes)
    return Decision(Next.RETURN if len(earlier) + 1 >= MAX_ATTEMPTS else Next.NEXT_ROUTE, blocks)


def _seen(earlier: tuple[Attempt, ...], verdict: Verdict) -> tuple[Attempt, ...]:
    return tuple(a for a in earlier if (a.verdict.outcome, a.verdict.code) == (verdict.outcome, verdict.code))


def _blocks(
    verdict: Verdict, call_class: CallClass, exchange: str, route: Route, strikes: Callable[[Subject], int]
) -> tuple[Block, ...]:
    address: Subject = ("address", exchange, route.address)
    account: Subject = ("account", route.account)
    key: Subject = ("key", route.account, route.key) if route.key is not None else address
    reason = f"{verdict.outcome}: {verdict.code}"
    subject = {Scope.ADDRESS: address, Scope.KEY: key}.get(verdict.blame or Scope.ACCOUNT, account)
    match verdict.outcome:
        case Outcome.THROTTLED:
            if subject is account:  # the widest scope, but only for the class of calls that was refused
                subject = (*account, call_class)
            rest = max(verdict.wait_ns or 0, _growing(_SECOND_NS, strikes(subject), 5 * _MINUTE_NS))
            return (Block(subject, rest, reason),)
        case Outcome.BANNED:
            rest = verdict.wait_ns or _growing(2 * _MINUTE_NS, strikes(address), 60 * _MINUTE_NS)
            return (Block(address, rest, reason, probe=True),)
        case Outcome.NOT_WHITELISTED if route.key is not None:
            pair: Subject = ("pair", route.account, route.key, route.address)
            found = (Block(pair, _growing(10 * _MINUTE_NS, strikes(pair), 24 * 60 * _MINUTE_NS), reason),)
            # The third address in a row that refuses the key: then it is the key.
            refused = strikes(key)
            rest = _growing(_MINUTE_NS, refused - 2, 60 * _MINUTE_NS) if refused >= 2 else 0
            return (*found, Block(key, rest, reason, probe=rest > 0))
        case Outcome.SUSPENDED:
            rest = verdict.wait_ns or _growing(_MINUTE_NS, strikes(subject), 60 * _MINUTE_NS)
            return (Block(subject, rest, reason, probe=True),)
        case Outcome.DEAD:
            # A signature can also be refused for what the bot sent; only a repeated refusal is final then.
            final = not verdict.suspect_request or strikes(key) >= 5
            rest = FOREVER_NS if final else _growing(_MINUTE_NS, strikes(key), 60 * _MINUTE_NS)
            return (Block(key, rest, reason, probe=True),)
        case Outcome.NO_PERMISSION:
            subject = (*key, call_class) if route.key is not None else address
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
