"""One connection to an exchange: what was handed over, what came back, and when to give up."""

import asyncio
import select
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

from proxy.clock import SECOND_NS, Clock
from proxy.egress.answer import AnswerReader
from proxy.egress.settings import EgressSettings
from proxy.errors import MaybeSent, NotSent

# address, scheme, host, port, private_ok: connections of one place are interchangeable
Place = tuple[str, str, str, int, bool]

_SHORTEST_TIMER_S = 0.001  # the loop's timers are that coarse; less would spin


class Phase(Enum):
    IDLE = auto()  # nothing asked, nothing may come
    WAITING = auto()  # a request was handed to the transport
    STREAMING = auto()  # the answer's beginning was returned, its rest is read on demand
    DONE = auto()  # the answer is complete
    GONE = auto()


class Connection(asyncio.Protocol):
    """Carries one request at a time and never one twice.

    `begin` is the line between the two errors: before it nothing was written, after it something may have been.
    """

    def __init__(
        self,
        place: Place,
        sock: socket.socket,
        clock: Clock,
        settings: EgressSettings,
        on_gone: Callable[["Connection"], None],
        on_lost: Callable[["Connection"], None],
    ) -> None:
        """`on_gone`: called once, as soon as it can carry nothing more. `on_lost`: its socket is closed."""
        self.place = place
        self.phase = Phase.IDLE
        self.made = False  # connection_made was called, so connection_lost will be
        self.retired = False  # finish the call in flight, then close
        self.failure = ""
        self.opened_ns = self.idle_since_ns = clock.now_ns()
        self.reader = AnswerReader(settings.head_limit, settings.body_limit)
        self._pending = select.poll()  # asks the kernel what the loop has not seen yet
        self._pending.register(sock, select.POLLIN | select.POLLRDHUP)
        self._clock = clock
        self._settings = settings
        self._on_gone: Callable[[Connection], None] | None = on_gone
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._stream_after: int | None = None
        self._paused = False
        self._deadline_ns = 0  # 0: none
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    def usable(self, now_ns: int) -> bool:
        """Whether a request may be written: open, young, and the kernel holds neither its end nor bytes nobody
        asked for. Under TLS those are records, and any unread record is reason enough."""
        transport = self._transport
        if self.phase is not Phase.IDLE or self.retired or transport is None or transport.is_closing():
            return False
        settings = self._settings
        if now_ns - self.idle_since_ns > settings.idle_ns or now_ns - self.opened_ns > settings.max_age_ns:
            return False
        return not self._pending.poll(0)

    def begin(self, data: bytes, method: str, answer_by_ns: int, stream_after: int | None) -> None:
        """Hand the request over. Raises NotSent while nothing was written, MaybeSent from then on.

        `stream_after`: return early once more body bytes than this have come; None: wait for all.
        """
        transport = self._transport
        if self.phase is not Phase.IDLE or transport is None or transport.is_closing():
            raise NotSent("the connection closed before anything was written")
        self.reader.expect(method)
        self._stream_after = stream_after
        self.phase = Phase.WAITING
        self._waiter = self._loop.create_future()
        self._set_deadline(answer_by_ns)
        try:
            transport.write(data)
        except Exception as error:
            self.abort(f"the write failed: {type(error).__name__}")

    async def settled(self) -> None:
        """Wait for the whole answer, or for its beginning if it is streamed. Raises MaybeSent.

        A cancelled caller takes the connection with it.
        """
        if self._waiter is not None:
            try:
                await self._waiter
            except asyncio.CancelledError:
                self.abort("the caller gave up")
                raise
            finally:
                self._waiter = None
        if self.failure:
            raise MaybeSent(self.failure)

    async def more(self) -> bytes:
        """The next bytes of a streamed body, b"" at its end. Raises MaybeSent if it broke."""
        reader = self.reader
        while not self.failure and not reader.held and not reader.complete:
            self._waiter = self._loop.create_future()
            self._resume()
            await self.settled()
        if self.failure:
            raise MaybeSent(self.failure)
        return reader.take()

    def renew(self, now_ns: int) -> bool:
        """Fresh, or after a complete answer: ready for the next request, or False if it must be closed."""
        transport = self._transport
        if transport is None or transport.is_closing() or self.retired:
            return False
        if self.phase is Phase.DONE and self.reader.keep_alive:
            self.phase = Phase.IDLE
            self.idle_since_ns = now_ns
            if self._paused:
                self._paused = False
                transport.resume_reading()
        return self.phase is Phase.IDLE

    def abort(self, reason: str = "") -> None:
        """Close without a farewell: what the kernel still holds is dropped, not delivered (linger 0)."""
        self._end_call(reason)
        self._gone()
        if self._transport is not None:
            self._transport.abort()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class derives from nothing
        self.made = True

    def data_received(self, data: bytes) -> None:
        if self.phase is Phase.GONE:
            return
        if self.phase is not Phase.WAITING and self.phase is not Phase.STREAMING:
            self.abort()  # nobody asked
            return
        reader = self.reader
        try:
            complete = reader.feed(data)
        except MaybeSent as error:
            self.abort(error.reason)
            return
        if complete:
            self._complete()
        elif self._stream_after is not None:
            self._stream(self._stream_after)

    def eof_received(self) -> None:
        if self.phase is Phase.WAITING or self.phase is Phase.STREAMING:
            if self.reader.ended_by_close():
                self._complete()
            else:
                self.abort("the exchange closed the connection before the answer was complete")
        # returning None lets the transport close itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_call("the connection broke before the answer was complete")
        self._gone()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None  # the stock loop's transports cannot be aborted any more
        self.reader.close()
        self._on_lost(self)

    def _complete(self) -> None:
        self.phase = Phase.DONE
        self._deadline_ns = 0
        self._wake()

    def _end_call(self, reason: str) -> None:
        if self.phase is Phase.WAITING or self.phase is Phase.STREAMING:
            self.failure = reason or "the connection was closed by us"
            self._deadline_ns = 0
            self._wake()

    def _gone(self) -> None:
        self.phase = Phase.GONE
        if self._on_gone is not None:
            on_gone, self._on_gone = self._on_gone, None
            on_gone(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _stream(self, after: int) -> None:
        if self.phase is Phase.WAITING:
            if self.reader.held <= after:
                return
            self.phase = Phase.STREAMING
        self._wake()
        if self.reader.held > after and not self._paused and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
            self._deadline_ns = 0  # silence is ours now
        elif not self._paused:
            self._set_deadline(self._clock.now_ns() + self._settings.stall_ns)

    def _resume(self) -> None:
        self._set_deadline(self._clock.now_ns() + self._settings.stall_ns)
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def _set_deadline(self, at_ns: int) -> None:
        """One timer per connection, not per call: it is moved only when the new deadline comes earlier."""
        self._deadline_ns = at_ns
        if self._timer is not None:
            if self._timer_ns <= at_ns:
                return
            self._timer.cancel()
        self._timer_ns = at_ns
        seconds = max((at_ns - self._clock.now_ns()) / SECOND_NS, _SHORTEST_TIMER_S)
        self._timer = self._loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if not self._deadline_ns:
            return
        if self._clock.now_ns() < self._deadline_ns:
            self._set_deadline(self._deadline_ns)
        elif self.phase is Phase.STREAMING:
            self.abort("the body stalled")
        else:
            self.abort("no complete answer in time")
