"""A network of two machines inside this one: two namespaces and a way between them, which can be cut."""

import ctypes
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEAR, FAR = "10.77.0.1", "10.77.0.2"
_NEAR_CARD, _FAR_CARD, _NOBODY = (f"02:00:00:00:00:{last:02x}" for last in (1, 2, 255))
_HERE = Path("/proc/thread-self/ns/net")
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h; Python 3.11 has no setns
_TIME_WAIT = "06"  # net/tcp_states.h: all is said, the kernel only remembers the port
_libc = ctypes.CDLL(None, use_errno=True)


class NoNetwork(Exception):
    """The kernel refuses new network namespaces (it takes root, real or of a user namespace), or `ip` is not there."""


class Network:
    """`near` and `far`: descriptors of the namespaces, which end with them. A socket stays where it was made."""

    def __init__(self) -> None:
        self._open: list[int] = []
        try:
            self.near, self.far = self._made(), self._made()
            far = f"/proc/{os.getpid()}/fd/{self.far}"
            with self.within(self.near):
                _ip(f"link add near address {_NEAR_CARD} type veth peer name far address {_FAR_CARD} netns {far}")
                _ip(f"address add {NEAR}/24 dev near")
                _ip("link set near up")
            with self.within(self.far):
                _ip(f"address add {FAR}/24 dev far")
                _ip("link set far up")
                _ip(f"neighbour replace {NEAR} dev far lladdr {_NEAR_CARD} nud permanent")
            self.mend()
        except BaseException:
            self.close()
            raise

    def _made(self) -> int:
        """A new namespace, by way of a thread that moves there and ends."""
        found: list[int | OSError] = []

        def make() -> None:
            try:
                _checked(_libc.unshare(_NEW_NETWORK))
                found.append(os.open(_HERE, os.O_RDONLY))
            except OSError as fault:
                found.append(fault)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        [made] = found
        if isinstance(made, OSError):
            raise NoNetwork(f"no network namespace: {made}")
        self._open.append(made)
        return made

    @contextmanager
    def within(self, namespace: int) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are made there."""
        before = os.open(_HERE, os.O_RDONLY)
        try:
            _checked(_libc.setns(namespace, _NEW_NETWORK))
            try:
                yield
            finally:
                _checked(_libc.setns(before, _NEW_NETWORK))
        finally:
            os.close(before)

    def cut(self) -> None:
        """What the near side sends is lost on the way, and nobody is told. Nothing is stored anywhere but in its
        sockets: a card that is taken down would leave packets with those that wait for their neighbour's address."""
        self._neighbour(_NOBODY)

    def mend(self) -> None:
        self._neighbour(_FAR_CARD)

    def _neighbour(self, card: str) -> None:
        with self.within(self.near):
            _ip(f"neighbour replace {FAR} dev near lladdr {card} nud permanent")

    def held(self, port: int) -> int:
        """Sockets towards that port of the far side which the near kernel still has, whether or not anybody owns
        them: only from these can anything be sent yet."""
        with self.within(self.near):
            rows = [row.split() for row in Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(f":{port:04X}") and row[3] != _TIME_WAIT for row in rows)

    def close(self) -> None:
        while self._open:
            os.close(self._open.pop())


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(words: str) -> None:
    try:
        done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        raise NoNetwork("no command ip") from None
    if done.returncode:
        raise NoNetwork(f"ip {words}: {done.stderr.strip()}")
