"""What must hold of a random trace: the book of the exchange against what the bots were told and the journal says.

The rules are named in tests/orders/traces.py.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from proxy.answer import Answer
from proxy.model import CallClass, Executed
from proxy.orders.records import Entry, State
from tests.fakes import FakeClock
from tests.orders.trace_book import CANCELED, Attempt, Order
from tests.orders.trace_dialects import DIALECTS
from tests.orders.trace_journal import Disk
from tests.orders.trace_plan import Action, Plan
from tests.orders.trace_venue import Venue

IMPRECISE = frozenset(
    {
        "PUT /api/v3/order/amend/keepPriority",
        "POST /api/v3/order/cancelReplace",
        "DELETE /api/v3/openOrders",
        "POST /0/private/AddOrderBatch",
        "POST /0/private/AmendOrder",
        "POST /0/private/CancelAll",
        "POST /exchange/v1/private/create-order-list",
        "POST /exchange/v1/private/amend-order",
        "POST /exchange/v1/private/cancel-all-orders",
    }
)
"""Calls of which a look-up does not tell all: what breaks b, c and f there is counted apart, unless `strict`."""

_SKEW_MS = 3_000  # two orders of one id cannot be told apart if they were made within that
_RULES_OF_TRUTH = ("b", "c", "d", "f")


@dataclass(frozen=True)
class Told:
    """What a bot got. Without an answer: `fault` says why."""

    action: Action
    call: str
    at_ns: int
    answer: Answer | None
    fault: str = ""

    @property
    def word(self) -> str:
        if self.answer is None:
            return self.fault
        refusal = self.answer.refusal
        word = f"{self.answer.executed} ({refusal.reason if refusal is not None else 'exchange'})"
        return word + (", replayed" if self.answer.replayed else "")


@dataclass
class Outcome:
    """`broken`: (rule, what). `imprecise`: what is known to be so, (why, what). `counts`: what happened, by kind."""

    plan: Plan
    broken: list[tuple[str, str]] = field(default_factory=list)
    imprecise: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)


class Facts:
    """All that is known of one trace. `strict`: nothing is excused for being known."""

    def __init__(self, given: Plan, clock: FakeClock, strict: bool) -> None:
        self.clock = clock
        self.strict = strict
        self.plan = given
        self.outcome = Outcome(given)
        self.disk = Disk()
        self.told: list[Told] = []
        self.actions: dict[str, Action] = {}  # call -> what it carried
        self.asked_ns: dict[str, int] = {}
        dialect = DIALECTS[given.exchange]()
        self.venue = Venue(given.seed, clock, dialect, self._broken, self._durable, self._event)

    def _event(self, call: str, what: str) -> None:
        """A step of a call, as trace_plan.EVENTS names them."""
        if what == "left" and call and len(self.venue.attempts[call]) == 1:
            self._judge_twins(call)

    def left_open(self) -> list[Entry]:
        """Entries of the journal that are open, and could be closed."""
        return [row for row in self.disk.rows() if row.state.open and not self._unsearchable(row.intent.call)]

    def _broken(self, rule: str, what: str) -> None:
        why = "" if self.strict else self._known(rule, what.partition(":")[0])
        (self.outcome.imprecise if why else self.outcome.broken).append((why or rule, what))
        self.venue.note(f"BROKEN {rule}: {what} {why}")

    def _known(self, rule: str, call: str) -> str:
        """Why what this call came to cannot be told rightly yet; "" if it must be."""
        action = self.actions.get(call)
        if action is None or rule not in _RULES_OF_TRUTH:
            return ""
        if action.endpoint in IMPRECISE:
            return f"look-ups do not tell all of {action.endpoint}"
        if self._renamed(call):
            return "an amendment gave the order another id"
        return ""

    def _renamed(self, call: str) -> bool:
        return any(len({step[2] for step in order.steps}) > 1 for order in self._done([call]))

    def _durable(self, call: str) -> bool:
        entry = self.disk.entry(call) if call else None
        return entry is not None and entry.state.open

    def _attempts(self, calls: Iterable[str]) -> Iterator[Attempt]:
        for call in calls:
            yield from self.venue.attempts.get(call, ())

    def _done(self, calls: Iterable[str], by_ns: int = 1 << 62) -> list[Order]:
        """The orders that these calls made, changed or cancelled."""
        found = (effect for attempt in self._attempts(calls) for effect in attempt.effects)
        return [order for at_ns, _, order in found if at_ns <= by_ns]

    def _over(self, action: Action, by_ns: int) -> bool:
        """The order that it cancels is cancelled; by whom, nobody can tell."""
        last = {order.at(by_ns) for order in self.venue.book.orders if order.id == action.old}
        return any(step is not None and step[1] == CANCELED for step in last)

    def _took_effect(self, action: Action, calls: Iterable[str], by_ns: int) -> bool:
        calls = list(calls)
        if action.call_class is CallClass.PLACE:
            return bool(self._done(calls, by_ns))
        return not action.old or bool(self._done(calls, by_ns)) or self._over(action, by_ns)

    def judge(self, unknowns: int, busy: bool) -> None:
        """At the end. `unknowns`: so many the daemon knows of. `busy`: calls of bots have no answer."""
        groups: dict[tuple[str, str], list[str]] = {}
        for call, action in self.actions.items():
            groups.setdefault(action.group, []).append(call)
        for told in self.told:
            self._judge_told(told, groups[told.action.group])
        self._judge_journal(unknowns)
        for (bot, name), calls in groups.items():
            executed = [call for call in calls if self._done([call])]
            if len(executed) > 1 and not name.startswith("twin"):
                renamed = next((call for call in executed if self._renamed(call)), name)  # its first copy was missed
                self._broken("d", f"{renamed}: executed under {name} of {bot}, as {' and '.join(executed)}")
        if busy:
            self._broken("f", "a call never ended")
        counts = self.outcome.counts
        counts["intents"] += len(self.disk.rows())
        counts["copies sent"] += sum(map(len, self.venue.attempts.values()))
        counts["orders at the exchange"] += len(self.venue.book.orders)

    def _judge_told(self, told: Told, group: list[str]) -> None:
        self.outcome.counts[f"told: {told.word}"] += 1
        answer, done = told.answer, self._done([told.call])
        if (answer is None and told.fault.startswith("bad call")) or (answer and answer.executed is Executed.NO):
            if done:
                self._broken("b", f"{told.call}: told {told.word}, and it was executed")
            if answer and answer.replayed and told.action.name and self._done(group, told.at_ns):
                self._broken("d", f"{told.call}: told {told.word}, and {told.action.name} was executed")
        if answer is None or answer.executed is not Executed.YES:
            return
        own = [told.call] if told.call in self.venue.attempts else group
        if not self._took_effect(told.action, own, told.at_ns):
            self._broken("b", f"{told.call}: told {told.word}, and it was not executed")
        elif told.action.call_class is CallClass.PLACE:
            doers = [call for call in own if self._done([call])]
            if told.action.text not in {self.actions[call].text for call in doers}:
                self._broken("d", f"{told.call}: told {told.word} of a call that asked for something else")
            numbers = {order.number for order in self._done(doers)}
            body = answer.reply.body if answer.reply is not None else None
            if body is not None and not any(re.search(rf"(?<!\d)0*{n}(?!\d)".encode(), body) for n in numbers):
                self._broken("d", f"{told.call}: was told of another order: {body!r}")

    def _judge_twins(self, call: str) -> None:
        """The first copy of this call leaves: no equal one without a name may be unknown."""
        action = self.actions[call]
        if action.name or action.call_class is not CallClass.PLACE:
            return
        for told in self.told:
            answer = told.answer
            if (
                told.action.group == action.group
                and answer is not None
                and answer.executed is Executed.UNKNOWN
                and not answer.replayed
                and told.at_ns < self.asked_ns[call]
                and (entry := self.disk.entry(told.call)) is not None
                and entry.state.open
            ):
                self._broken("d", f"{call}: sent, and its equal {told.call} was unknown")

    def _judge_journal(self, unknowns: int) -> None:
        ends: dict[str, State] = {}
        for call, state, at_ns in self.disk.marked:
            self.outcome.counts[f"journal: {state}"] += 1
            if state.open:
                continue
            if ends.setdefault(call, state) != state:
                self._broken("c", f"{call}: {ends[call]} in the journal, then {state}")
            if state is State.EXECUTED:
                if not self._took_effect(self.actions[call], [call], at_ns):
                    self._broken("c", f"{call}: executed in the journal, and it was not")
            elif self._done([call]) and state is not State.OVERTAKEN:
                self._broken("c", f"{call}: {state} in the journal, and it was executed")
        still_open = [row for row in self.disk.rows() if row.state.open]
        for row in still_open:
            self.outcome.counts[f"left open: {row.intent.endpoint}"] += 1
            if not self._unsearchable(row.intent.call):
                self._broken("f", f"{row.intent.call}: still {row.state} in the journal")
        if unknowns != len(still_open):
            self._broken("f", f"{unknowns} unknowns, and {len(still_open)} open entries")

    def _unsearchable(self, call: str) -> bool:
        """No question settles it: what the call does, or an order of the same id that an earlier call made."""
        action = self.actions[call]
        if action.endpoint in IMPRECISE or not action.text:
            return True
        ids = set(action.client_id.split())
        return any(step[2] in ids for order in self.venue.book.orders for step in order.steps) and not self._done(
            [call]
        )
