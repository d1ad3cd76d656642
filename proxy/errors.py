"""The errors that cross floors. Each says what the caller may still do."""


class OrdergateError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(OrdergateError):
    """The configuration or a table is unusable. `complaints`: one text per fault, never a secret's value."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


class BadCall(OrdergateError):
    """A bot's call cannot be understood or signed; nothing left. `reason` is the code of the answer header."""

    def __init__(self, reason: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status


class NotSent(OrdergateError):
    """No byte of the request left this machine, so any other route may carry it.

    `address_fault`: the source address itself is unusable (not on this host, or the socket was
    bound to another one). Otherwise the exchange or the path to it failed.
    """

    def __init__(self, reason: str, *, address_fault: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.address_fault = address_fault


class MaybeSent(OrdergateError):
    """At least one byte may have left and no complete answer came: the outcome is unknown."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JournalDown(OrdergateError):
    """A write could not be made durable in time. Nothing of it has left, and it must not."""
