"""Lanes of the queue: calls that the same limits and blocks hold up, and which of them is the next."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from proxy.clock import Alarm
from proxy.fairness import Contest
from proxy.model import Ask, CallClass, NotUntil, Permit, Scope, Shape

_RANKS = {CallClass.CANCEL: 0, CallClass.PLACE: 2, CallClass.AMEND: 2, CallClass.READ: 3, CallClass.PUBLIC: 4}
_CLOSES = 1
_PATIENCE_NS = 1_000_000_000  # with what only the end of a call in flight frees

ContestName = tuple[int, str, str, str, str]
LimitName = tuple[str, str, str, str]
"""A contest whatever the rank: exchange, account, limit, detail."""
LaneName = tuple[int, CallClass, str, tuple[str | None, ...], tuple[tuple[str, str], ...]]


@dataclass(slots=True, eq=False)
class Waiter:
    number: int  # the order of arrival
    bot: str
    share: float
    ask: Ask
    deadline_ns: int
    gone: Callable[[], bool]
    granted: "asyncio.Future[Permit | NotUntil]"
    priority: int = 0  # the lower goes first
    alarm: Alarm | None = None


@dataclass(slots=True, eq=False)
class Lane:
    """Waiters that the same limits and blocks hold up. At `held_ns`, `held` was in the way of `seen`, then its head.

    A bot's own calls stand by their priority, then by arrival. Between bots it decides only where neither had more
    than the other: what a bot calls urgent must not take from the shares of others.
    """

    name: LaneName
    rank: int
    contests: tuple[Contest, ...]  # one per limit, in the order of the charges
    limits: tuple[LimitName, ...]  # these limits
    ask: Ask  # one like all that wait here, but for their units
    queues: dict[str, deque[Waiter]] = field(default_factory=dict)  # by bot
    seen: Waiter | None = None
    held: NotUntil | None = None
    held_ns: int = 0
    promised_ns: int = 0  # when `seen` was to go by what was told it first
    claim: LimitName | None = None  # a limit of which others of its rank and below take nothing until `seen` has gone

    def head(self) -> Waiter:
        """The bot with the smallest lead on its rivals; of these, the most urgent call; of these, the first to come."""
        if len(self.queues) == 1:
            return next(iter(self.queues.values()))[0]
        heads = (queue[0] for queue in self.queues.values())
        return min(heads, key=lambda head: (self.lead(head.bot), head.priority, head.number))

    def lead(self, bot: str) -> float:
        """On the limit of which it had most more than others."""
        return max(contest.lead(bot) for contest in self.contests)

    def rebase(self) -> None:
        for contest in self.contests:
            contest.rebase()

    def place(self) -> "tuple[int, float, int, int, Lane]":
        """Where it stands among the lanes. No two have the same number."""
        head = self.head()
        return (self.rank, self.lead(head.bot), head.priority, head.number, self)

    def add(self, waiter: Waiter) -> None:
        for contest in self.contests:
            contest.join(waiter.bot)
            contest.rebase()
        queue = self.queues.setdefault(waiter.bot, deque())
        at = len(queue)
        while at and queue[at - 1].priority > waiter.priority:
            at -= 1
        queue.insert(at, waiter)

    def remove(self, waiter: Waiter) -> None:
        queue = self.queues[waiter.bot]
        if queue[0] is waiter:
            queue.popleft()
        else:
            queue.remove(waiter)
        if not queue:
            del self.queues[waiter.bot]
        for contest in self.contests:
            contest.leave(waiter.bot)

    def hold(self, waiter: Waiter, found: NotUntil, now_ns: int, *, behind: bool) -> None:
        """Its head must wait (`behind`: for a claim of another lane).

        It claims what is in its way once its time has come and others took the room: cheap calls of other lanes could
        go on doing so for ever.
        """
        if self.seen is not waiter:
            self.promised_ns = now_ns + (found.wait_ns if found.wait_ns is not None else _PATIENCE_NS)
            self.claim = None
        self.seen, self.held, self.held_ns = waiter, found, now_ns
        if now_ns >= self.promised_ns and not behind:
            self.claim = next((limit for limit in self.limits if limit[2] == found.what), None)

    def gains_from(self, other: Ask) -> bool:
        """Whether room that a call unexpectedly left may be this lane's: a limit of both, or of the same clock."""
        names = {charge.limit.name for charge in other.charges}
        return self.ask.exchange == other.exchange and any(
            charge.limit.shape is Shape.FIXED or charge.limit.name in names for charge in self.ask.charges
        )

    def behind(self, bot: str, priority: int, now_ns: int) -> NotUntil | None:
        """What a newcomer waits for at least: what holds the head holds all behind it. None: it would be the head."""
        self.rebase()
        own, head = self.queues.get(bot), self.head()
        first = own is None or priority < own[0].priority
        leads = first and (self.lead(bot), priority) < (self.lead(head.bot), head.priority)
        return None if leads else self.at_least(now_ns)

    def at_least(self, now_ns: int) -> NotUntil | None:
        """What holds the head, for what is left of that wait."""
        held = self.held
        if held is None or held.wait_ns is None:
            return held
        return replace(held, wait_ns=max(held.wait_ns - (now_ns - self.held_ns), 0))


def rank_of(ask: Ask) -> int:
    """The smaller goes first: cancel, close, place and amend, read, public."""
    return _CLOSES if ask.closes else _RANKS.get(ask.call_class, 3)


def lane_name(ask: Ask) -> LaneName:
    keys = tuple(routes.key for routes in ask.routes)
    return (
        rank_of(ask),
        ask.call_class,
        ask.account,
        keys,
        tuple((charge.limit.name, charge.detail) for charge in ask.charges),
    )


def contest_names(ask: Ask, rank: int) -> list[ContestName]:
    """What a class of calls competes for: each of its limits, which accounts share where it counts by address."""
    names = []
    for charge in ask.charges:
        account = "" if charge.limit.scope is Scope.ADDRESS else ask.account
        names.append((rank, ask.exchange, account, charge.limit.name, charge.detail))
    return names or [(rank, ask.exchange, ask.account, "", "")]
