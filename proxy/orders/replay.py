"""What a repeat of a write is told, from what is known of the first one. Pure."""

from dataclasses import replace
from http import HTTPStatus

from proxy import refusals
from proxy.answer import Answer
from proxy.exchanges.form import Exchange, readable
from proxy.model import Executed, Outcome, Refusal, Reply, Route
from proxy.orders import records
from proxy.orders.records import Entry, State, Truth

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


def unsent(refusal: Refusal) -> Answer:
    return Answer(None, refusal, executed=Executed.NO)


def still_open(first: str) -> Answer:
    return Answer(None, refusals.still_unknown(first), executed=Executed.UNKNOWN)


def record(exchange: Exchange, reply: Reply) -> records.Answer:
    """The answer as the bot saw it, but for its packing."""
    plain = readable(reply)
    body = exchange.redact(reply.body if plain is None else plain)
    return records.Answer(reply.status, reply.header(b"content-type").decode("latin-1"), body)


def recorded(entry: Entry, digest: bytes) -> Answer:
    """What the journal has for a call of the same name as this entry's."""
    first, said = entry.intent.call, entry.answer
    if entry.intent.digest != digest:
        return unsent(refusals.idempotency_conflict(first))
    if entry.state.open or entry.state is State.OVERTAKEN:
        return still_open(first)
    executed = Executed.YES if entry.state is State.EXECUTED else Executed.NO
    if said is None:
        return Answer(None, refusals.already_executed(first), executed=executed)
    return Answer(_reply(said), None, Route(entry.intent.account, entry.key or None, entry.address), executed=executed)


def found_out(answer: Answer, truth: Truth, call: str) -> Answer:
    """The answer to a write whose own was lost, from what a search found out."""
    executed = truth.state is State.EXECUTED
    if truth.state is State.OVERTAKEN:
        return answer
    if truth.answer is not None:
        outcome = Outcome.ACCEPTED if executed else Outcome.REFUSED
        told = replace(answer, reply=_reply(truth.answer), refusal=None, outcome=outcome)
    else:
        told = replace(answer, reply=None, refusal=(refusals.answer_lost if executed else refusals.not_executed)(call))
    return replace(told, executed=Executed.YES if executed else Executed.NO)


def _reply(said: records.Answer) -> Reply:
    headers = ((b"Content-Type", said.content_type.encode("latin-1")),) if said.content_type else ()
    return Reply(said.status, _PHRASES.get(said.status, b""), headers, said.body, 0)
