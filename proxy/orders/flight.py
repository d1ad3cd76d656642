"""A write under way, and those who wait for its answer because they are repeats of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.answer import Answer
from proxy.clock import Clock, done_by

Gone = Callable[[], bool]


def _future() -> "asyncio.Future[Answer | None]":
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class Flight:
    """`wanted`: whether each of those who want the answer has hung up. `left`: bytes of it may be on the wire."""

    call: str
    digest: bytes
    wanted: list[Gone]
    left: bool = False
    landed: "asyncio.Future[Answer | None]" = field(default_factory=_future)

    def gone(self) -> bool:
        """Nobody wants it any more."""
        return all(gone() for gone in self.wanted)

    def land(self, answer: Answer | None) -> None:
        """The answer for all who wait; None: there is none, and whoever comes next tries for itself."""
        if not self.landed.done():
            self.landed.set_result(answer)

    async def join(self, gone: Gone, clock: Clock, by_ns: int) -> tuple[bool, Answer | None]:
        """Wait for it to land, until `by_ns` if that is not 0; whether it has."""
        self.wanted.append(gone)
        if not by_ns:
            await asyncio.wait((self.landed,))
        elif not await done_by(clock, self.landed, by_ns):
            return False, None
        return True, self.landed.result()
