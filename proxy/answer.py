"""What a bot gets."""

from dataclasses import dataclass

from proxy.model import Executed, Outcome, Refusal, Reply, Route


@dataclass(frozen=True, slots=True)
class Answer:
    """The exchange's reply, or our refusal; and how it came about.

    `outcome`: the exchange's judgement behind a reply. `shared`: "flight" or "cache" if another call fetched the reply.
    `replayed`: the answer to an earlier call that this one repeats.
    """

    reply: Reply | None
    refusal: Refusal | None
    route: Route | None = None
    attempts: int = 0
    queued_ns: int = 0
    remaining: float | None = None
    executed: Executed | None = None
    outcome: Outcome | None = None
    shared: str = ""
    replayed: bool = False
