"""Our own refusals of a call that was let in, with the wait that a client can keep. Pure."""

from proxy.model import NotUntil, Outcome, Refusal, Verdict

_MOST_RETRY_AFTER_S = 60  # some clients sleep for whatever they are told
_HOPELESS_NS = 1 << 61  # only the operator can help


def queue_full() -> Refusal:
    return Refusal(429, "queue_full", "too many calls are waiting", 1)


def order_busy(order: str) -> Refusal:
    """An earlier call on the same order had no answer when this one's time was up; this one was not sent."""
    return Refusal(503, "order_busy", f"an earlier call on order {order[:64]} has no answer yet", 1)


def id_in_doubt(name: str) -> Refusal:
    """A placing whose client order id is that of one whose outcome is open, or that was made just now; not sent."""
    text = f"not sent: an order of client id {name[:64]} may be there, or was made just now; take another id, or wait"
    return Refusal(503, "order_busy", text, 4)


def outcome_unknown(call_id: str, verdict: Verdict) -> Refusal:
    """A write that may have been executed."""
    text = f"executed or not, nobody knows ({verdict.code}); look it up, do not repeat it (call {call_id})"
    return Refusal(504, "outcome_unknown", text)


def still_unknown(first: str) -> Refusal:
    """A repeat of a write whose own outcome is open."""
    text = f"call {first} was the same, and whether it was executed, nobody knows; look it up, do not repeat it"
    return Refusal(504, "outcome_unknown", text)


def idempotency_conflict(first: str) -> Refusal:
    text = f"call {first} had the same idempotency key or client order id, but other parameters; nothing was sent"
    return Refusal(409, "idempotency_conflict", text)


def already_executed(first: str) -> Refusal:
    """A repeat of a write that was executed, as somebody found out later: there is no answer to pass on."""
    return Refusal(409, "already_executed", f"call {first} was the same, and it was executed; look the order up")


def answer_lost(call_id: str) -> Refusal:
    """A write that was looked up: it was executed, or the order that it cancels is over; the answer is gone."""
    text = f"the answer was lost, but it was executed: look the order up, do not repeat it (call {call_id})"
    return Refusal(504, "answer_lost", text)


def not_executed(call_id: str) -> Refusal:
    """A write that was looked up, and proven not to have been executed."""
    text = f"the answer was lost; it was not executed, and cannot be any more (call {call_id})"
    return Refusal(503, "not_executed", text)


def resolving(account: str) -> Refusal:
    """An order that came before it was known what a crash has left of earlier ones; this one was not sent."""
    text = f"not sent: the daemon was cut off, and still looks up earlier writes of account {account}"
    return Refusal(503, "resolving", text, 5)


def journal_unavailable(why: str) -> Refusal:
    """A write that could not be written down, and so was not sent."""
    return Refusal(503, "journal_unavailable", f"not sent: {why}", 1)


def no_answer(verdict: Verdict) -> Refusal:
    """The last attempt brought no answer that could be passed on."""
    if verdict.outcome is Outcome.NEVER_CONNECTED:
        return Refusal(503, "no_route", f"the exchange cannot be reached: {verdict.code}", 1)
    return Refusal(504, "upstream_failed", f"no answer from the exchange: {verdict.code}")


def no_room(found: NotUntil) -> Refusal:
    """No route is free in time: 429 with a wait where time helps, else 503."""
    wait_ns = found.wait_ns
    if wait_ns is None or wait_ns > _HOPELESS_NS:
        text = f"no key and address can carry this call: {found.what}"
        return Refusal(503, "no_route", text, 1 if wait_ns is None else 0)
    wait_s = wait_ns / 1e9
    text = f"the {found.scope} limit {found.what} leaves no room for {wait_s:.1f} s"
    return Refusal(429, "rate_limited", text, min(int(wait_s) + 1, _MOST_RETRY_AFTER_S))
