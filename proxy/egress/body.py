"""The rest of a large answer, read as fast as it is taken."""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from proxy.egress.connection import Connection


class BodyStream:
    """An async iterator over body bytes as received. Raises MaybeSent when the body breaks off.

    Whoever stops early calls `aclose()` (or uses `async with`); the connection is then aborted. One that is
    forgotten is aborted when it is collected.
    """

    def __init__(self, connection: Connection, release: Callable[[Connection], None]) -> None:
        self._connection: Connection | None = connection
        self._release = release

    def __aiter__(self) -> "BodyStream":
        return self

    async def __anext__(self) -> bytes:
        if self._connection is None:
            raise StopAsyncIteration
        try:
            piece = await self._connection.more()
        except BaseException:
            self._let_go()
            raise
        if not piece:
            self._let_go()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Stop here. Idempotent."""
        self._let_go()

    async def __aenter__(self) -> "BodyStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def __del__(self) -> None:
        with suppress(RuntimeError):  # the loop may be closed by now
            self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._release(connection)
