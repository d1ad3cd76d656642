"""What has become of one call so far."""

from dataclasses import dataclass, field

from proxy.answer import Answer
from proxy.model import Executed, Permit, Refusal, Reply
from proxy.retry import Attempt
from proxy.writes import Write


@dataclass(slots=True)
class Progress:
    """One call on its way. `write`: of a write that may be sent."""

    attempts: list[Attempt] = field(default_factory=list)
    reply: Reply | None = None
    permit: Permit | None = None
    write: Write | None = None
    queued_ns: int = 0
    upstream_ns: int = 0

    def answer(self, reply: Reply | None, refusal: Refusal | None, executed: Executed | None) -> Answer:
        """What the bot gets, with how it came about."""
        permit = self.permit
        return Answer(
            reply,
            refusal,
            permit.route if permit is not None else None,
            len(self.attempts),
            self.queued_ns,
            permit.remaining if permit is not None else None,
            executed,
            self.attempts[-1].verdict.outcome if self.attempts else None,
        )
