"""The listener of operators: status page, metrics, health. It never shows a secret, and by itself it only reads;
`more` routes look after themselves."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.resources import files

import orjson
from aiohttp import web

from proxy.admin.status import status
from proxy.clock import Clock
from proxy.metrics import Gauges, Metrics
from proxy.pool import Pool

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PAGE_RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES = {
    "page.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "page.account.js": "text/javascript",
    "page.nodes.js": "text/javascript",
    "page.words.js": "text/javascript",
}


class Admin:
    """Serves what the others know; `gauges` gives the figures of the moment."""

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        pools: Mapping[str, Pool],
        gauges: Callable[[], Gauges],
        more: Iterable[web.RouteDef] = (),
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._pools = pools
        self._gauges = gauges
        self._more = tuple(more)
        self._started_ns = clock.now_ns()
        self._runner: web.AppRunner | None = None
        pages = files("proxy.admin")
        self._files = {name: (pages / name).read_text(encoding="utf-8") for name in _PAGES}

    async def start(self, listen: str) -> str:
        """Listen on "host:port" or "unix:/path"; returns the address as bound."""
        app = web.Application(middlewares=[_local_only], client_max_size=65_536)
        for name, content_type in _PAGES.items():
            app.router.add_get("/" if name == "page.html" else f"/{name}", self._file(name, content_type))
        app.router.add_get("/metrics", self._render)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/api/status", self._status)
        app.add_routes(self._more)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
        await self._runner.setup()
        if listen.startswith("unix:"):
            await web.UnixSite(self._runner, listen.removeprefix("unix:")).start()
            return listen
        host, _, port = listen.rpartition(":")
        site = web.TCPSite(self._runner, host.strip("[]"), int(port))
        await site.start()
        return f"{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def state(self) -> bytes:
        """The status as JSON."""
        uptime_s = (self._clock.now_ns() - self._started_ns) / 1e9
        return orjson.dumps(status(self._pools, self._metrics.counts, self._gauges(), uptime_s))

    async def _status(self, request: web.Request) -> web.Response:
        return web.Response(body=self.state(), content_type="application/json")

    async def _render(self, request: web.Request) -> web.Response:
        copy = self._metrics.copy(self._gauges())
        text = await asyncio.to_thread(self._metrics.render, copy)
        return web.Response(body=text, headers={"Content-Type": _TEXT})

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        ready = self._gauges().ready
        return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)

    def _file(self, name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            return web.Response(
                text=self._files[name],
                content_type=content_type,
                headers={"Content-Security-Policy": _PAGE_RULES, "X-Content-Type-Options": "nosniff"},
            )

        return serve


@web.middleware
async def _local_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A page of another site must not read this one, not even under a name that it points here."""
    if not _is_fixed(request.host) or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden(text="this page is for local use\n")
    return await handler(request)


def _is_fixed(host: str) -> bool:
    """True for localhost and for IP addresses: names that no other site can point somewhere else."""
    found = re.fullmatch(r"(localhost|[0-9.]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?", host)
    return found is not None
