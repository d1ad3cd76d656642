"""Messages to the service manager."""

import socket
import uuid
from pathlib import Path

import pytest

from proxy.cli.notify import notify, watchdog_interval_s


@pytest.mark.parametrize("abstract", [False, True])
def test_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"ordergate-test-{uuid.uuid4().hex}"
    place = f"@{name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}" if abstract else place)
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", place)
        assert notify("READY=1\nSTATUS=dummy")
        assert listening.recv(100) == b"READY=1\nSTATUS=dummy"


def test_nobody_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "interval_s"), [("30000000", 10.0), ("3", 1e-6), ("0", None), ("", None), ("-1", None), ("x", None)]
)
def test_a_third_of_the_managers_patience(monkeypatch: pytest.MonkeyPatch, usec: str, interval_s: float | None) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    assert watchdog_interval_s() == interval_s
