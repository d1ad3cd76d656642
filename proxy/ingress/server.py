"""The listener of bots: aiohttp reads the request, and the answer is written as ready bytes."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from proxy.answer import Answer
from proxy.clock import Clock
from proxy.dispatch import Gone
from proxy.errors import BadCall, MaybeSent
from proxy.exchanges.form import Exchange
from proxy.gateway import Gateway
from proxy.ingress.admission import Admission, Arrival, Refused
from proxy.ingress.answers import native, our_headers, refusal_head, refusal_headers, reply_head
from proxy.metrics import Metrics
from proxy.model import Call, Executed, Incoming, NativeError, Refusal, Reply
from proxy.pool import Pool

log = logging.getLogger("ordergate.ingress")

_MAX_BODY = 1 << 20
_BODY_WITHIN_S = 10
_MAX_LINE = 65_536
_CLOSE_WITHIN_S = 0.1
_NOTHING = Incoming("", "", "", (), b"")


class RawResponse(web.StreamResponse):
    """An answer that has been written already, or is written here in one piece; aiohttp adds nothing to it."""

    def __init__(self, data: bytes, *, keep_alive: bool) -> None:
        super().__init__()
        self._data = data
        self._keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        if self._data and request.transport is not None:
            request.transport.write(self._data)

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class _Connection(web.RequestHandler):
    """A bot's connection. What aiohttp cannot read gets a refusal of ours, which quotes nothing (tokens)."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status < 500:
            return _refusal(Refusal(status, "bad_http", f"this is not HTTP/1.1 ({type(exc).__name__})"), False)
        log.error("a request ended in an error of ours", exc_info=exc)
        return _refusal(Refusal(500, "internal", "an error of ours; nothing was sent"), False)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


def _refusal(
    refusal: Refusal, keep: bool, exchange: Exchange | None = None, request: Incoming = _NOTHING
) -> RawResponse:
    """A refusal from before the call was admitted."""
    error = native(refusal, exchange, request)
    ours = [("X-Ordergate-Origin", "ordergate"), *refusal_headers(refusal)]
    return _own(error, ours, request.method, keep)


def _own(error: NativeError, ours: list[tuple[str, str]], method: str, keep: bool) -> RawResponse:
    """An answer of ours. To a HEAD without its body, which the bot would take for the next answer's head."""
    body = b"" if method == "HEAD" else error.body
    return RawResponse(refusal_head(error, ours, close=not keep) + body, keep_alive=keep)


class Ingress:
    """Reads calls, has them admitted and forwarded, and writes the answers."""

    def __init__(self, *, clock: Clock, admission: Admission, gateway: Gateway, metrics: Metrics,
                 pools: Mapping[str, Pool]) -> None:  # fmt: skip
        self._clock = clock
        self._admission = admission
        self._gateway = gateway
        self._metrics = metrics
        self._pools = pools
        self._sites: list[web.BaseSite] = []
        self._runner: web.ServerRunner | None = None
        self._last_ns = 0
        self.running = 0
        self.draining = False

    async def start(self, listen: tuple[str, ...]) -> list[str]:
        """Listen on "host:port" and "unix:/path"; returns the addresses as bound."""
        quiet = logging.getLogger("ordergate.http")
        quiet.disabled = True  # it would print what a bot sent, token included, when it cannot be parsed
        server = _Server(
            self._answer,
            access_log=None,
            logger=quiet,
            max_line_size=_MAX_LINE,
            keepalive_timeout=75,
        )
        # `drain` has waited for the calls under way; whoever is left then has had the time there is.
        self._runner = web.ServerRunner(server, shutdown_timeout=_CLOSE_WITHIN_S)
        await self._runner.setup()
        bound = []
        for place in listen:
            site: web.BaseSite
            if place.startswith("unix:"):
                site = web.UnixSite(self._runner, place.removeprefix("unix:"), backlog=1024)
                await site.start()
                bound.append(place)
            else:
                host, _, port = place.rpartition(":")
                site = web.TCPSite(self._runner, host.strip("[]"), int(port), backlog=1024)
                await site.start()
                sockets = getattr(site, "_server").sockets  # noqa: B009  the port chosen for ":0" is told nowhere else
                bound.append(f"{host}:{sockets[0].getsockname()[1]}")
            self._sites.append(site)
        return bound

    async def drain(self, within_s: float) -> None:
        """Stop listening, answer what still arrives on open connections, end after 250 quiet milliseconds."""
        self.draining = True
        while self._sites:
            await self._sites.pop().stop()
        end_ns = self._clock.now_ns() + int(within_s * 1e9)
        self._last_ns = max(self._last_ns, self._clock.now_ns())
        while self._clock.now_ns() < end_ns:
            quiet_ns = self._last_ns + 250_000_000
            if not self.running and self._clock.now_ns() >= quiet_ns:
                break
            await self._clock.sleep_until(max(quiet_ns, self._clock.now_ns() + 20_000_000))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.running += 1
        try:
            return await self._serve(request)
        finally:
            self.running -= 1
            self._last_ns = self._clock.now_ns()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        keep = request.keep_alive and not self.draining
        now_ns = self._clock.now_ns()
        try:
            body = await self._body(request) if request.body_exists else b""
            headers = tuple([(_name(name), value.decode("latin-1")) for name, value in request.raw_headers])
            call = self._admission.admit(Arrival(request.method, request.raw_path, headers, body, now_ns))
        except Refused as refused:
            return self._refuse(refused, keep)
        except BadCall as fault:
            return self._refuse(self._admission.refused(fault, request.method, request.raw_path), False)
        pool = self._pools[call.account]
        if call.dry_run:
            return _previewed(self._gateway.preview(call), keep)
        try:
            answer = await self._gateway.forward(call, _gone(request))
        except BadCall as fault:
            refusal = Refusal(fault.status, fault.reason, fault.message)
            return self._refuse(Refused(refusal, pool.exchange, call.request), keep)
        except Gone:
            return RawResponse(b"", keep_alive=False)
        except Exception:
            log.exception("call %s ended in an error of ours", call.id)
            text = f"an error of ours; if this was an order, look it up, do not repeat it (call {call.id})"
            unknown = Executed.UNKNOWN if call.endpoint.call_class.writes else None
            answer = Answer(None, Refusal(500, "internal", text), executed=unknown)
        return await self._write(request, call, pool, answer, keep)

    async def _write(
        self, request: web.BaseRequest, call: Call, pool: Pool, answer: Answer, keep: bool
    ) -> web.StreamResponse:
        ours = our_headers(call, answer)
        reply = answer.reply
        if reply is None:
            assert answer.refusal is not None
            self._metrics.refusal(answer.refusal.reason)
            error = native(answer.refusal, pool.exchange, call.request)
            return _own(error, ours, request.method, keep)
        if reply.stream is not None:
            return await self._stream(request, reply, ours, keep)
        body = pool.exchange.redact(reply.body)
        length = _head_length(reply) if request.method == "HEAD" else len(body)
        return RawResponse(reply_head(reply, ours, length=length, close=not keep) + body, keep_alive=keep)

    async def _stream(
        self, request: web.BaseRequest, reply: Reply, ours: list[tuple[str, str]], keep: bool
    ) -> web.StreamResponse:
        """A large public answer in chunks. If it breaks off, so does ours: the bot must not take a part for all."""
        assert reply.stream is not None
        if request.transport is None:  # the bot hung up
            return RawResponse(b"", keep_alive=False)
        chunked = request.version >= (1, 1)
        keep = keep and chunked
        head = reply_head(reply, ours, length=None, close=not keep)
        if not chunked:
            head = head.replace(b"Transfer-Encoding: chunked\r\n", b"")
        request.transport.write(head + _chunk(reply.body, chunked))
        try:
            async for piece in reply.stream:
                if request.transport is None:
                    return RawResponse(b"", keep_alive=False)
                request.transport.write(_chunk(piece, chunked))
                await request.writer.drain()
        except (MaybeSent, ConnectionError):
            if request.transport is not None:
                request.transport.close()
            return RawResponse(b"", keep_alive=False)
        return RawResponse(b"0\r\n\r\n" if chunked else b"", keep_alive=keep)

    def _refuse(self, refused: Refused, keep: bool) -> web.StreamResponse:
        self._metrics.refusal(refused.refusal.reason)
        return _refusal(refused.refusal, keep, refused.exchange, refused.request)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The body, bounded in size and time."""
        if (request.content_length or 0) > _MAX_BODY:
            raise BadCall("body_too_large", f"a body may have {_MAX_BODY} bytes", 413)
        if "content-encoding" in request.headers:
            raise BadCall("bad_body", "compressed bodies are not taken", 415)
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # curl waits for it
        try:
            if request.content.is_eof():
                return request.content.read_nowait()
            async with asyncio.timeout(_BODY_WITHIN_S):
                pieces = bytearray()
                while piece := await request.content.readany():
                    pieces += piece
                    if len(pieces) > _MAX_BODY:
                        raise BadCall("body_too_large", f"a body may have {_MAX_BODY} bytes", 413)
                return bytes(pieces)
        except TimeoutError:
            raise BadCall("slow_body", f"the body did not arrive within {_BODY_WITHIN_S} s", 408) from None
        except (HttpProcessingError, web.RequestPayloadError, ConnectionError):  # the last: the bot hung up in it
            raise BadCall("bad_body", "the body breaks the rules of HTTP") from None


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    """A header's name in lower case. Cached: bots send the same few over and over."""
    return raw.decode("latin-1").lower()


def _gone(request: web.BaseRequest) -> Callable[[], bool]:
    """Whether the bot has hung up."""
    return lambda: request.transport is None or request.transport.is_closing()


def _head_length(reply: Reply) -> int:
    """What a HEAD answer says about the body that it does not have."""
    value = reply.header(b"content-length")
    return int(value) if value.isdigit() else 0


def _chunk(piece: bytes, chunked: bool) -> bytes:
    if not chunked:
        return piece
    return b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""


def _previewed(plan: dict[str, Any], keep: bool) -> web.StreamResponse:
    return _own(NativeError(200, orjson.dumps(plan)), [("X-Ordergate-Origin", "ordergate")], "", keep)
