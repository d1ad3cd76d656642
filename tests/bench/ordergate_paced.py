"""Ordergate on virtual time: the real dispatcher, ledger, retry table and exchange clocks, in the gateway's order."""

from collections.abc import Mapping
from dataclasses import fields
from email.utils import formatdate
from typing import Any

from proxy.clock import SECOND_NS
from proxy.dispatch import Dispatcher
from proxy.exchange_time import ExchangeClocks
from proxy.limits.ledger import MemoryLedger
from proxy.model import Ask, Charge, Executed, KeyRoutes, Limit, NotUntil, Outcome, Permit, Scope, Usage, Verdict
from proxy.retry import Attempt, Next, decide
from tests.bench.counting import ExchangeSide, Rule, Told, Work
from tests.bench.virtual import VirtualClock

_EXCHANGE, _ACCOUNT = "bench", "account"
_PATIENCE_NS = 3_600 * SECOND_NS
_OUTCOMES = {
    "ok": Outcome.ACCEPTED,
    "throttled": Outcome.THROTTLED,
    "banned": Outcome.BANNED,
    "suspended": Outcome.SUSPENDED,
    "not_whitelisted": Outcome.NOT_WHITELISTED,
}
_ASK_FIELDS = {row.name for row in fields(Ask)}
_USAGE_FIELDS = {row.name for row in fields(Usage)}


class Ordergate:
    """A subject of the benchmark: `carry` brings a call through, however often it is refused."""

    name = "ordergate"

    def __init__(self, clock: VirtualClock, side: ExchangeSide, routes: Mapping[str, tuple[str, ...]]) -> None:
        self._clock = clock
        self._side = side
        self._routes = tuple(KeyRoutes(key, addresses) for key, addresses in routes.items())
        self._limits = {
            rule.name: Limit(
                rule.name, rule.scope, rule.shape, rule.capacity, int(rule.window_s * SECOND_NS), told=rule.told
            )
            for rule in side.rules
        }
        self._start()

    def _start(self) -> None:
        self.ledger = MemoryLedger(self._clock)
        self.dispatcher = Dispatcher(self.ledger, self._clock)
        self._times = ExchangeClocks(self._clock, self.ledger)

    def restart(self, found: str) -> None:
        """The process dies and starts again, and finds its state file "kept", "damaged" or "gone"."""
        state = self.ledger.state()
        self._start()
        if found == "kept":
            self.ledger.restore(state, 0)
        elif found == "damaged":
            self.ledger.assume_used()
        else:
            self.ledger.prove()

    async def carry(self, work: Work) -> int | None:
        """Send until the exchange accepts; the nanoseconds waited before the accepted send, or None: given up."""
        ask = self._ask(work)
        earlier: list[Attempt] = []
        while True:
            found = await self.dispatcher.take(ask, deadline_ns=work.asked_ns + _PATIENCE_NS, bot=work.bot)
            if isinstance(found, NotUntil):
                await self._clock.sleep_until(self._clock.now_ns() + min(found.wait_ns or SECOND_NS, _PATIENCE_NS))
                return None
            sent_ns = self._clock.now_ns()
            if await self._attempt(work, found, earlier):
                return sent_ns - work.asked_ns

    async def _attempt(self, work: Work, permit: Permit, earlier: list[Attempt]) -> bool:
        sent, well = True, False
        usage: tuple[Usage, ...] = ()
        refused: Scope | None = None
        try:
            told = await self._side.send(work, permit.route.key or "", permit.route.address)
            date = _http_date(told.date_s)
            self._times.read_date(_EXCHANGE, date, told.elapsed_ns)
            verdict = _verdict(told)
            decision = decide(
                verdict,
                call_class=work.kind.call_class,
                exchange=_EXCHANGE,
                route=permit.route,
                endpoint=work.kind.name,
                earlier=tuple(earlier),
                strikes=self.ledger.strikes,
                refusals=self.ledger.refusals,
            )
            earlier.append(Attempt(permit.route, verdict, decision.blocks))
            for block in decision.blocks:
                self.dispatcher.block(block.subject, block.duration_ns, block.reason, probe=block.probe)
            for subject in decision.lift:
                self.dispatcher.unblock(subject)
            well = verdict.outcome is Outcome.ACCEPTED
            usage = _usage(told)
            refused = verdict.blame if verdict.outcome is Outcome.THROTTLED else None
            if decision.next is Next.RETURN and not well:
                earlier.clear()  # the bot gets a native error, and asks again
            return well
        finally:
            self.dispatcher.settle(permit, sent=sent, well=well, usage=usage, refused=refused)

    def _ask(self, work: Work) -> Ask:
        charges = tuple(
            _charge(rule, self._limits[rule.name], units, work.kind.name)
            for rule in self._side.rules
            if (units := work.prices.get(rule.name, 0))
        )
        more = {name: value for name, value in (("endpoint", work.kind.name),) if name in _ASK_FIELDS}
        return Ask(_EXCHANGE, _ACCOUNT, work.kind.call_class, charges, self._routes, **more)


def _charge(rule: Rule, limit: Limit, units: int, kind: str) -> Charge:
    """What the rule keeps is for all kinds that it does not keep anything from."""
    kept = rule.kept.get(kind, 0)
    if kept:
        return Charge(limit, units, "", kept, (("others", kept),))
    return Charge(limit, units, draws="others" if rule.kept else "")


def _verdict(told: Told) -> Verdict:
    outcome = _OUTCOMES[told.outcome]
    executed = Executed.YES if outcome is Outcome.ACCEPTED else Executed.NO
    blame = told.scope if told.scope in (Scope.ADDRESS, Scope.KEY, Scope.ACCOUNT, Scope.PAIR) else None
    return Verdict(outcome, executed, blame, told.wait_ns, told.rule)


def _usage(told: Told) -> tuple[Usage, ...]:
    """Counts from the headers; capacities too, once the ledger takes them."""
    said = []
    for name, used in told.used.items():
        more: dict[str, Any] = {"capacity": told.capacity.get(name)} if "capacity" in _USAGE_FIELDS else {}
        said.append(Usage(name, used, **more))
    return tuple(said)


def _http_date(unix_s: int) -> bytes:
    return formatdate(unix_s, usegmt=True).encode()
