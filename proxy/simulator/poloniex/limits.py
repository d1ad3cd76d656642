"""What Poloniex allows, unless a simulation says otherwise."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoloniexLimits:
    """Requests per sliding second, shared by all endpoints of a group.

    Public groups are counted by address. The scope of the private ones is stated nowhere: here a request must fit both
    its account and its address. Those of futures are the rates that ccxt keeps to.
    """

    public: int = 200
    public_heavy: int = 10
    private: int = 50
    private_heavy: int = 10
    futures_public: int = 300
    futures_candles: int = 20
    futures_order: int = 50
    futures_cancel: int = 100
    futures_batch: int = 5
    futures_close_all: int = 2
    futures_other: int = 10
    open_orders: int = 2000
    batch: int = 20
    futures_batch_size: int = 10
    window_ms: int = 60_000  # of a request without a recvWindow; a third party's figure
    finds_done: bool = False  # a finished spot order by its client id: not documented, so not relied on
