"""A way to the exchanges on which writes, or the answers to them, are stuck: no time has to pass for it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from proxy.errors import MaybeSent
from tests.e2e.worlds import World


class Stuck:
    """`way` "answer": writes reach their exchange at once. "request": they reach it when they are let go, as signed;
    in time or not. The daemon waits for as long as it would, in the world's time."""

    def __init__(self, world: World, path: str, way: Literal["answer", "request"]) -> None:
        self.count = 0  # writes that left the daemon
        self._world = world
        self._path = path
        self._way = way
        self._open = asyncio.Event()
        self._late: set[asyncio.Task[Any]] = set()
        egress: Any = world.daemon._egress
        self._egress, self._send = egress, egress.send
        egress.send = self._through

    async def _through(self, request: Any, upstream: Any, address: str, *, answer_by_ns: int, stream: bool) -> Any:
        if self._path not in request.target or request.method == "GET":
            return await self._send(request, upstream, address, answer_by_ns=answer_by_ns, stream=stream)
        self.count += 1
        carried = asyncio.ensure_future(self._carry(request, upstream, address))
        self._late.add(carried)
        clock = self._world.clock
        late = asyncio.ensure_future(clock.sleep_until(answer_by_ns))
        try:
            await asyncio.wait((carried, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        if not carried.done():
            raise MaybeSent("no complete answer in time")
        return carried.result()

    async def _carry(self, request: Any, upstream: Any, address: str) -> Any:
        if self._way == "request":
            await self._open.wait()
        by_ns = self._world.clock.now_ns() + 10_000_000_000
        reply = await self._send(request, upstream, address, answer_by_ns=by_ns, stream=False)
        await self._open.wait()
        return reply

    def let_go(self) -> None:
        """Returns when all that was stuck is through."""

        async def through() -> None:
            self._open.set()
            await asyncio.gather(*self._late, return_exceptions=True)

        self._world.run(through())

    def over(self) -> None:
        self.let_go()
        self._egress.send = self._send


@contextmanager
def stuck(world: World, path: str, way: Literal["answer", "request"] = "answer") -> Iterator[Stuck]:
    made = world.do(lambda: Stuck(world, path, way))
    yield made
    made.over()
