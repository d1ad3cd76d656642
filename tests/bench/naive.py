"""The forwarder that one writes in an afternoon: python -m tests.bench.naive UPSTREAM_PORT. Prints its port.

aiohttp on both sides, a session per source address, keys and addresses in turn, HMAC, headers copied. No limits, no
tokens, no judgement, no metrics.
"""

import asyncio
import hashlib
import hmac
import itertools
import sys
import time

import uvloop
from aiohttp import ClientSession, TCPConnector, web

from tests.bench.order import ADDRESSES, KEYS

_DROPPED = {
    "host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    "proxy-authenticate", "proxy-authorization", "x-mbx-apikey",
}  # fmt: skip


class Forwarder:
    def __init__(self, upstream: str, sessions: list[ClientSession]) -> None:
        self._upstream = upstream
        self._sessions = itertools.cycle(sessions)
        self._keys = itertools.cycle(KEYS)

    async def forward(self, request: web.Request) -> web.Response:
        _, key, secret = next(self._keys)
        text = f"{(await request.read()).decode()}&timestamp={int(time.time() * 1000)}"
        body = f"{text}&signature={hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}
        headers["X-MBX-APIKEY"] = key
        session = next(self._sessions)
        async with session.request(request.method, self._upstream + request.path, data=body, headers=headers) as reply:
            answer = await reply.read()
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in _DROPPED}
            return web.Response(status=reply.status, headers=kept, body=answer)


async def main(upstream_port: int) -> None:
    sessions = [ClientSession(connector=TCPConnector(local_addr=(address, 0), limit=0)) for address in ADDRESSES]
    app = web.Application()
    forwarder = Forwarder(f"http://127.0.0.1:{upstream_port}", sessions)
    app.router.add_route("*", "/{path:.*}", forwarder.forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
