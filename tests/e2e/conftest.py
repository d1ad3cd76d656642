import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.worlds import World


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that was not pointed at the daemon in every respect fails here, not at an exchange."""
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        assert str(host) == "localhost" or str(host).startswith("127."), f"a client asks for {host}"
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One world for a module: its tests leave it as they found it."""
    made = World().start()
    yield made
    made.stop()


@pytest.fixture
def new_world() -> Iterator[Callable[..., World]]:
    """Worlds for one test only: `new_world(sim=..., daemon=...)`."""
    made: list[World] = []

    def begin(*args: Any, **options: Any) -> World:
        made.append(World(*args, **options))
        return made[-1].start()

    yield begin
    for one in made:
        one.stop()
