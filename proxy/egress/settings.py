"""What the client allows itself: times, sizes and counts."""

from dataclasses import dataclass

from proxy.clock import MILLISECOND_NS, SECOND_NS


@dataclass(frozen=True, slots=True)
class EgressSettings:
    """`idle_ns` lies below the exchanges' own keep-alive, so that we are the side that closes.

    `body_limit` counts the body as received, streamed or not. `stall_ns`: longest silence inside a streamed body.
    """

    connect_timeout_ns: int = 3 * SECOND_NS  # name look-up, TCP and TLS together
    idle_ns: int = 15 * SECOND_NS
    max_age_ns: int = 300 * SECOND_NS
    sweep_ns: int = 1000 * MILLISECOND_NS  # how often idle connections are looked through
    stall_ns: int = 10 * SECOND_NS
    head_limit: int = 64 * 1024
    body_limit: int = 64 * 1024 * 1024
    stream_after: int = 256 * 1024
    connections_per_address: int = 128  # open or opening, all upstreams together
    tcp_user_timeout_ms: int = 5000


DEFAULTS = EgressSettings()
