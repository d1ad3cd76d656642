"""Who may call what: from a bot's raw request to a Call, or to a refusal in the exchange's own shape."""

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.config import BotConfig
from proxy.errors import BadCall
from proxy.exchanges.form import Exchange
from proxy.exchanges.table import Product
from proxy.ingress.target import Target, parse_path, parse_target, split_target
from proxy.model import Call, CallClass, Endpoint, Incoming, Refusal, Upstream
from proxy.pool import Pool, forbidden

_MILLISECOND_NS = 1_000_000
# How long a call may wait in the queue, if neither it nor its bot says so. Clients give up after 10 s (ccxt,
# python-binance, pybit, python-kraken-sdk) or 5 s (the Crypto.com, Poloniex and OKX libraries, and the first of these
# then posts its order again), so all stay below 5 s, with time left for the answer. A late quote is worth less than
# none; a cancel is worth its wait. Bots with less patience (binance-sdk: 1 s) need `deadline` in their settings.
_QUEUE_NS = {"place": 2_000_000_000, "read": 4_000_000_000, "public": 4_000_000_000, "cancel": 4_500_000_000}
_PRIORITIES = {"high": -1, "": 0, "normal": 0, "low": 1}
_MAX_DEADLINE_MS = 600_000
_MOST_WAYS = 4096
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")


class Refused(Exception):
    """A call that does not get in. `exchange` None: not even the account is known."""

    def __init__(self, refusal: Refusal, exchange: Exchange | None, request: Incoming) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal
        self.exchange = exchange
        self.request = request


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came: the target and header names in lower case, nothing decoded."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    now_ns: int


@dataclass(frozen=True, slots=True)
class _Way:
    """What a method and a path alone decide, for whoever comes with them."""

    target: Target
    endpoint: Endpoint
    upstream: Upstream


class Admission:
    """The door. Pure but for the number of the next call."""

    def __init__(self, pools: Mapping[str, Pool], bots: Mapping[str, BotConfig]) -> None:
        self._pools = pools
        self._bots = {bot.token_hash: bot for bot in bots.values()}
        self._boot = secrets.token_hex(3)
        self._numbers = itertools.count(1)
        self._ways: dict[tuple[str, str], _Way] = {}

    def admit(self, arrival: Arrival) -> Call:
        """A call ready to be forwarded; raises Refused."""
        request = Incoming(arrival.method, "", "", arrival.headers, arrival.body)
        given = dict(reversed(arrival.headers))  # of a header given twice, the first counts
        exchange: Exchange | None = None
        try:
            _refuse_browsers(given)
            path, query = split_target(arrival.target)
            way = self._ways.get((arrival.method, path))
            target = way.target if way is not None else parse_path(path)
            request = Incoming(arrival.method, target.path, query, arrival.headers, arrival.body)
            pool = self._pools.get(target.account)
            if pool is None:
                raise BadCall("unknown_account", f"no account is called {target.account!r}", 404)
            exchange = pool.exchange
            if way is None:
                product = _product(exchange, target, request.method)
            bot = self._bot(target, request, given, exchange)
            if way is None:
                way = _Way(target, _endpoint(exchange, request, product.name), _upstream(pool, product, target))
                _allowed_at_all(pool, way.endpoint, request.path)
                self._remember(arrival.method, path, way)
            _allowed(bot, way.endpoint)
            stripped = exchange.strip(request)
            deadline_ns, answer_by_ns = _deadlines(given, bot, way.endpoint, arrival.now_ns)
            return Call(
                id=f"{self._boot}-{next(self._numbers)}",
                bot=bot.name,
                account=pool.account,
                endpoint=way.endpoint,
                request=stripped,
                upstream=way.upstream,
                params=_params(exchange, way.endpoint, stripped),
                received_ns=arrival.now_ns,
                deadline_ns=deadline_ns,
                answer_by_ns=answer_by_ns,
                pinned_key=_pinned(pool, given),
                dry_run=given.get("x-ordergate-dry-run") == "1",
                share=bot.share,
                priority=_priority(given),
            )
        except BadCall as fault:
            raise Refused(Refusal(fault.status, fault.reason, fault.message), exchange, request) from None

    def _remember(self, method: str, path: str, way: "_Way") -> None:
        if len(self._ways) >= _MOST_WAYS:  # paths come from bots
            self._ways.clear()
        self._ways[method, path] = way

    def refused(self, fault: BadCall, method: str, raw_target: str) -> Refused:
        """A refusal from before the body was read, in the shape of the account's exchange if the target names one."""
        exchange: Exchange | None = None
        path = ""
        try:
            target = parse_target(raw_target)
            path = target.path
            pool = self._pools.get(target.account)
            exchange = pool.exchange if pool is not None else None
        except BadCall:
            pass
        refusal = Refusal(fault.status, fault.reason, fault.message)
        return Refused(refusal, exchange, Incoming(method, path, "", (), b""))

    def _bot(self, target: Target, request: Incoming, given: Mapping[str, str], exchange: Exchange) -> BotConfig:
        """The bot of the first token found: Authorization, our own header, the key field, the path."""
        scheme, _, bearer = given.get("authorization", "").partition(" ")
        token = (
            (exchange.token(request) if bearer.count(".") == 2 else "")  # a JWT: the exchange's own key field
            or (bearer.strip() if scheme.lower() == "bearer" else "")
            or given.get("x-ordergate-token")
            or exchange.token(request)
            or target.token
            or ""
        )
        if not token:
            raise BadCall("bad_token", "no token: send it as the API key, as a bearer or in the path", 401)
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        bot = self._bots.get(digest)
        if bot is None or not hmac.compare_digest(digest, bot.token_hash):
            raise BadCall("bad_token", "this token belongs to no bot", 401)
        if target.account not in bot.accounts:
            raise BadCall("not_allowed", f"bot {bot.name} may not use account {target.account}", 403)
        return bot


def _refuse_browsers(given: Mapping[str, str]) -> None:
    """A page in a browser reaches loopback ports too; real clients send neither of these headers."""
    origin = given.get("origin", "")
    if origin == "null" or "://" in origin or given.get("sec-fetch-site", "") not in ("", "none"):
        raise BadCall("cross_site", "requests from web pages are not taken", 403)


def _product(exchange: Exchange, target: Target, method: str) -> Product:
    """Of the host that the bot wrote; without one, of the path: the one whose row is closest to it, and where several
    have the same, the first.
    """
    table = exchange.table
    if target.host is not None and not any(target.host in p.hosts for p in table.products.values()):
        raise BadCall("unknown_host", f"{target.host} is not a host of {exchange.name}", 403)
    found = table.products_of(target.host, target.path)
    if not found:
        raise BadCall("unknown_endpoint", f"{exchange.name} has no path {target.path[:80]!r} here", 404)
    row = table.match(method, target.path)
    if row is not None and table.products[row.product] in found:
        return table.products[row.product]
    return next((one for one in found if table.match(method, target.path, one.name) is not None), found[0])


def _endpoint(exchange: Exchange, request: Incoming, product: str) -> Endpoint:
    table = exchange.table
    if request.method not in _METHODS:
        raise BadCall("wrong_method", f"method {request.method[:20]} is not taken", 405)
    endpoint = table.match(request.method, request.path, product)
    if endpoint is not None:
        return endpoint
    if table.speaks_of_money(request.path):
        raise BadCall("withdrawal_refused", "withdrawals and transfers do not pass", 403)
    if any(table.match(method, request.path, product) for method in _METHODS):
        raise BadCall("wrong_method", f"{request.path} is not called by {request.method}", 405)
    raise BadCall(
        "unknown_endpoint", f"{request.method} {request.path[:80]} is not in the table of {exchange.name}", 404
    )


def _params(exchange: Exchange, endpoint: Endpoint, stripped: Incoming) -> Mapping[str, str]:
    found = exchange.params(stripped)
    return {**found, **exchange.table.path_params(endpoint, stripped.path)} if "{" in endpoint.name else found


def _allowed_at_all(pool: Pool, endpoint: Endpoint, path: str) -> None:
    refusal = forbidden(pool, endpoint, path)
    if refusal is not None:
        raise BadCall(refusal.reason, refusal.message, refusal.status)


def _counts_as(endpoint: Endpoint) -> CallClass:
    """Amending counts as placing; and who may not even place may not withdraw, wherever that is open."""
    as_place = endpoint.call_class in (CallClass.AMEND, CallClass.WITHDRAW)
    return CallClass.PLACE if as_place else endpoint.call_class


def _allowed(bot: BotConfig, endpoint: Endpoint) -> None:
    granted = _counts_as(endpoint)
    if granted not in bot.allow:
        raise BadCall("not_allowed", f"bot {bot.name} may not make {granted} calls", 403)


def _upstream(pool: Pool, product: Product, target: Target) -> Upstream:
    """Where the call goes: the operator's own URL if there is one, else the host that the bot named."""
    upstream = pool.upstream.get(product.name)
    if upstream is None:
        given = ", ".join(pool.upstream)
        text = f"{product.name} is not served: upstream sends {given} to this machine and does not name it"
        raise BadCall("unknown_endpoint", text, 404)
    if target.host is None or upstream.private_ok or target.host == upstream.host:
        return upstream
    return replace(upstream, host=target.host)


def _pinned(pool: Pool, given: Mapping[str, str]) -> str | None:
    alias = given.get("x-ordergate-key")
    if not alias:
        return None
    if alias not in pool.credentials:
        raise BadCall("unknown_key", f"account {pool.account} has no key {alias[:64]!r}")
    return alias


def _priority(given: Mapping[str, str]) -> int:
    """Before or behind the bot's own other calls of the same rank; never past a call of another rank, and other bots
    keep their shares. Several callers of one public answer wait with the priority of the first."""
    found = _PRIORITIES.get(given.get("x-ordergate-priority", "").strip().lower())
    if found is None:
        raise BadCall("bad_priority", "X-Ordergate-Priority takes high, normal or low")
    return found


def _deadlines(given: Mapping[str, str], bot: BotConfig, endpoint: Endpoint, now_ns: int) -> tuple[int, int]:
    """Latest moments to leave the queue and to have an answer (0: the gateway's own limit).

    The header holds for both; the bot's setting, else the class's, for the queue only.
    """
    text = given.get("x-ordergate-deadline-ms")
    if not text:
        name = _counts_as(endpoint)
        return now_ns + (bot.deadline.get(name) or _QUEUE_NS[name]), 0
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= _MAX_DEADLINE_MS):
        raise BadCall("bad_deadline", f"X-Ordergate-Deadline-Ms takes 1 to {_MAX_DEADLINE_MS}")
    by_ns = now_ns + int(text) * _MILLISECOND_NS
    return by_ns, by_ns
