"""Messages to the service manager: sd_notify(3) is one datagram."""

import os
import socket


def notify(message: str) -> bool:
    """Send e.g. "READY=1" to $NOTIFY_SOCKET; False when nobody listens there."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place:
        return False
    if place.startswith("@"):  # a name in the abstract space
        place = "\0" + place[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(message.encode(), place)
        except OSError:
            return False
    return True


def watchdog_interval_s() -> float | None:
    """A third of the manager's patience, or None if it does not watch."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) / 3e6 if usec.isdigit() and int(usec) > 0 else None
