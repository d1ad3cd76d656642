"""The sockets: every exchange on its own port, and the controls for tests, demo and curious users."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate

from aiohttp import web

from proxy.simulator.accounts import Registry, until_ms
from proxy.simulator.clock import RealClock, SimClock
from proxy.simulator.control import control_app
from proxy.simulator.cryptocom.venue import CryptocomVenue
from proxy.simulator.faults import Fault, Faults, page
from proxy.simulator.ledger import Ledger
from proxy.simulator.market import Board
from proxy.simulator.records import Answer, Asked, SimConfig
from proxy.simulator.venue import Floor, Venue
from proxy.simulator.venues import EXCHANGES, VENUES

BODY_LIMIT = 1 << 20
_HTML = "text/html"


class Simulator:
    """All simulated exchanges of one configuration. `ledger` is the witness of what happened."""

    def __init__(self, config: SimConfig, clock: SimClock | None = None) -> None:
        self.config = config
        self.clock = clock or RealClock()
        self.registry = Registry(config)
        self.board = Board(config.markets)
        self.ledger = Ledger(config.ledger_size)
        self.faults = Faults()
        floor = Floor(config, self.registry, self.board, self.ledger)
        self.venues: dict[str, Venue] = {name: kind.venue(floor) for name, kind in VENUES.items()}
        self.clock_offset_ms: dict[str, int] = dict.fromkeys(EXCHANGES, 0)
        self._cdn: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._runners: list[web.BaseRunner] = []
        self._urls: dict[tuple[str, str], str] = {}
        self._date = (0, "")

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen for the exchanges that have accounts, or for all if none has. `port` 0: free ports; else the controls
        come first, then the doors of the exchanges follow one another.

        Raises OSError when one is taken; nothing listens then.
        """
        wanted = {account.exchange for account in self.config.accounts} or set(EXCHANGES)
        doors = [(name, door) for name in EXCHANGES if name in wanted for door in VENUES[name].doors]
        try:
            app = web.AppRunner(control_app(self), access_log=None, shutdown_timeout=0.1)
            await self._listen(app, ("control", ""), host, port)
            for number, (name, door) in enumerate(doors, 1):
                server = web.Server(self._door(name, door), access_log=None)
                runner = web.ServerRunner(server, shutdown_timeout=0.1)
                await self._listen(runner, (name, door), host, port + number if port else 0)
        except OSError:
            await self.stop()
            raise

    async def _listen(self, runner: web.BaseRunner, door: tuple[str, str], host: str, port: int) -> None:
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        self._urls[door] = f"http://{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        self._urls.clear()

    def url(self, name: str, product: str = "") -> str:
        """Base URL of an exchange (of its usual product, or of another), or of the controls ("control").

        Raises KeyError before start.
        """
        doors = VENUES[name].doors if name in VENUES else ("",)
        return self._urls[name, product or doors[0]]

    def urls(self) -> dict[str, str]:
        """Base URLs of all doors that are open, as "exchange" for its usual product, else "exchange/product"."""
        usual = {(name, kind.doors[0]) for name, kind in VENUES.items()}
        doors = {door: url for door, url in self._urls.items() if door[0] in VENUES}
        return {door[0] if door in usual else "/".join(door): url for door, url in doors.items()}

    def now_ms(self, exchange: str) -> int:
        return self.clock.now_ms() + self.clock_offset_ms[exchange]

    # What tests and the control page turn. Raise KeyError for unknown names.

    def inject(self, fault: Fault) -> None:
        self.faults.inject(fault)

    def suspend_key(self, exchange: str, account: str, key: str, seconds: float | None = None) -> None:
        """`seconds` None: until lifted."""
        live = self.registry.key(exchange, account, key)
        live.suspended_until_ms = until_ms(self.now_ms(exchange), seconds)

    def lift_key(self, exchange: str, account: str, key: str) -> None:
        live = self.registry.key(exchange, account, key)
        live.suspended_until_ms, live.deleted = 0.0, False

    def delete_key(self, exchange: str, account: str, key: str) -> None:
        self.registry.key(exchange, account, key).deleted = True

    def set_trade(self, exchange: str, account: str, key: str, allowed: bool) -> None:
        self.registry.key(exchange, account, key).trade = allowed

    def suspend_account(self, exchange: str, account: str, seconds: float | None = None) -> None:
        """`seconds` None: until lifted, 0: lift."""
        live = self.registry.account(exchange, account)
        live.suspended_until_ms = until_ms(self.now_ms(exchange), seconds)

    def enlist(self, exchange: str, account: str, key: str, address: str) -> None:
        self.registry.key(exchange, account, key).whitelist.add(address)

    def unlist(self, exchange: str, account: str, key: str, address: str) -> None:
        """Take an address off the whitelist. A key without one gets an empty one: nobody may use it then."""
        live = self.registry.key(exchange, account, key)
        live.whitelist.discard(address)
        live.restricted = True

    def ban_address(self, exchange: str, address: str, seconds: float) -> None:
        """In the exchange's own way, or by its CDN if it has none."""
        if not self.venues[exchange].ban(address, seconds, self.now_ms(exchange)):
            self.block_address(exchange, address, seconds)

    def block_address(self, exchange: str, address: str, seconds: float) -> None:
        """The CDN in front of the exchange answers 403 with HTML."""
        self._cdn[exchange, address] = self.now_ms(exchange) + seconds * 1000
        if len(self._cdn) > 10_000:
            self._cdn.popitem(last=False)

    def lift_address(self, exchange: str, address: str) -> None:
        self._cdn.pop((exchange, address), None)
        self.venues[exchange].lift(address)

    def set_clock_offset(self, exchange: str, offset_ms: int) -> None:
        """From now on the exchange's clock is wrong by that much."""
        self.clock_offset_ms[exchange] = offset_ms

    def count_by_account(self, by_account: bool) -> None:
        """Crypto.com: private methods are counted by account from now on, or by key again. Counts begin anew."""
        venue = self.venues["cryptocom"]
        assert isinstance(venue, CryptocomVenue)
        venue.by_account = by_account

    def set_price(self, base: str, quote: str, price: str) -> None:
        """Move a market's price; resting orders that it reaches fill."""
        self.board.set_price(base, quote, price)
        for account in self.registry.accounts.values():
            account.desk.match(self.now_ms(account.spec.exchange))

    # One request.

    def _door(self, exchange: str, product: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def enter(request: web.BaseRequest) -> web.StreamResponse:
            return await self._serve(exchange, product, request)

        return enter

    async def _serve(self, exchange: str, product: str, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        body = await _body(request) if request.body_exists else b""
        path, _, query = request.raw_path.partition("?")
        asked = Asked(
            exchange,
            request.method,
            path,
            query,
            {name.lower(): value for name, value in request.headers.items()},
            body,
            peer[0] if peer else "",
            self.now_ms(exchange),
            self.clock.monotonic(),
            product,
        )
        if len(body) > BODY_LIMIT:
            return self._send(asked, Answer(413, page(413, "Payload Too Large"), "413", content_type=_HTML))
        if (until := self._cdn.get((exchange, asked.address))) is not None and asked.now_ms < until:
            return self._send(asked, Answer(403, page(403, "403 Forbidden"), "403", content_type=_HTML))
        venue = self.venues[exchange]
        if self.faults:
            live = venue.identify(asked)
            account, key = (live.account.name, live.alias) if live else ("", "")
            if fault := self.faults.take(asked, account, key):
                return await self._fail(fault, venue, asked, request, account, key)
        return self._send(asked, venue.answer(asked))

    async def _fail(
        self, fault: Fault, venue: Venue, asked: Asked, request: web.BaseRequest, account: str, key: str
    ) -> web.StreamResponse:
        """Do what the fault says. State it changes stays changed; the request then meets that state."""
        exchange, action, outcome = asked.exchange, fault.action, f"fault:{fault.action}"
        if action == "delay":
            await asyncio.sleep(fault.seconds or 0.0)
            late = replace(asked, now_ms=self.now_ms(exchange), monotonic=self.clock.monotonic())
            return self._send(late, venue.answer(late))
        if action == "clock":
            return self._send(asked, venue.answer(replace(asked, now_ms=asked.now_ms + fault.offset_ms)))
        if action in ("suspend_key", "delete_key", "unlist"):
            if key:
                self._spoil_key(fault, asked, account, key)
            return self._send(asked, venue.answer(asked))
        if action == "ban_address":
            if venue.ban(asked.address, fault.seconds or 120.0, self.now_ms(exchange)):
                return self._send(asked, venue.answer(asked))
            self.block_address(exchange, asked.address, fault.seconds or 120.0)
            return self._send(asked, Answer(403, page(403, "403 Forbidden"), content_type=_HTML), outcome)
        if action == "cdn_ban":
            self.block_address(exchange, asked.address, fault.seconds or 300.0)
            return self._send(asked, Answer(403, page(403, "403 Forbidden"), content_type=_HTML), outcome)
        done = venue.answer(asked) if fault.executed else Answer(200, b"{}", account=account, key=key)
        if action == "drop":
            self.ledger.record(asked, replace(done, status=0), outcome)
            return _hang_up(request)
        if action == "truncate":
            self.ledger.record(asked, done, outcome)
            return _hang_up(request, done.body)
        answers = {
            "throttle": venue.throttled,
            "unknown": venue.unknown,
            "maintenance": venue.maintenance,
        }
        if action in answers:
            told = answers[action](asked)
        elif action == "error":
            told = venue.error(asked, fault.status)
        elif action == "garbage":
            told = Answer(200, b'{"orderId": 12, "sta\x00\xff')
        else:
            told = Answer(fault.status, page(fault.status, "Bad Gateway"), content_type=_HTML)
        told = replace(told, account=done.account, key=done.key, client_id=done.client_id)
        return self._send(asked, told, outcome)

    def _spoil_key(self, fault: Fault, asked: Asked, account: str, key: str) -> None:
        if fault.action == "suspend_key":
            self.suspend_key(asked.exchange, account, key, fault.seconds)
        elif fault.action == "delete_key":
            self.delete_key(asked.exchange, account, key)
        else:
            self.unlist(asked.exchange, account, key, asked.address)

    def _send(self, asked: Asked, answer: Answer, outcome: str | None = None) -> web.Response:
        self.ledger.record(asked, answer, outcome)
        second = asked.now_ms // 1000
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        headers = {**answer.headers, "Date": self._date[1], "Content-Type": answer.content_type}
        return web.Response(status=answer.status, body=answer.body, headers=headers)


async def _body(request: web.BaseRequest) -> bytes:
    """The body, or its beginning if it is longer than the limit."""
    parts, size = [], 0
    async for part in request.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            break
    return b"".join(parts)


def _hang_up(request: web.BaseRequest, body: bytes = b"") -> web.StreamResponse:
    """Close the connection; with a body, after the head and half of it."""
    transport = request.transport
    if transport is not None:
        if body:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            transport.write(head + body[: len(body) // 2])
            transport.close()
        else:
            transport.abort()
    return web.Response(status=500)
