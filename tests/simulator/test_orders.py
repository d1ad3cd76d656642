from decimal import Decimal

import pytest

from proxy.simulator.market import Board, Market
from proxy.simulator.orders import Desk, NoFunds
from proxy.simulator.records import DEFAULT_MARKETS


@pytest.fixture
def board() -> Board:
    return Board(DEFAULT_MARKETS)


@pytest.fixture
def pair(board: Board) -> Market:
    return board.markets[0]


def desk(kept: int = 100) -> Desk:
    return Desk("a", {"BTC": "1", "USDT": "1000"}, kept)


def test_a_resting_order_holds_and_a_cancel_frees(pair: Market) -> None:
    one = desk()
    order = one.place(1, pair, "BUY", "LIMIT", Decimal("0.01"), Decimal(50_000), "x", 0)
    assert (order.open, one.free("USDT")) == (True, 500)
    with pytest.raises(NoFunds):
        one.place(2, pair, "BUY", "LIMIT", Decimal("0.02"), Decimal(50_000), "y", 0)
    one.cancel(order, 1)
    assert (one.free("USDT"), order.status) == (1000, "CANCELED")
    assert one.open_by_client_id("x") is None
    assert one.by_client_id("x") is order


def test_a_crossing_order_fills_at_the_market(pair: Market) -> None:
    one = desk()
    order = one.place(1, pair, "SELL", "LIMIT", Decimal("0.5"), Decimal(50_000), "", 0)
    assert (order.status, order.average) == ("FILLED", pair.bid)
    assert one.total == {"BTC": Decimal("0.5"), "USDT": 1000 + pair.bid / 2}


def test_fill_or_kill_that_does_not_cross_expires(pair: Market) -> None:
    one = desk()
    order = one.place(1, pair, "BUY", "LIMIT", Decimal("0.01"), Decimal(50_000), "", 0, "FOK")
    assert (order.status, one.free("USDT")) == ("EXPIRED", 1000)


def test_the_price_moved_through_a_resting_order_fills_it(board: Board, pair: Market) -> None:
    one = desk()
    order = one.place(1, pair, "BUY", "LIMIT", Decimal("0.01"), Decimal(50_000), "", 0)
    board.set_price("BTC", "USDT", "49999")
    assert one.match(5) == [order]
    assert (one.total["BTC"], one.held["USDT"], order.updated_ms) == (Decimal("1.01"), 0, 5)


def test_an_amend_that_cannot_be_paid_changes_nothing(pair: Market) -> None:
    one = desk()
    order = one.place(1, pair, "BUY", "LIMIT", Decimal("0.01"), Decimal(50_000), "", 0)
    with pytest.raises(NoFunds):
        one.amend(order, Decimal("0.03"), Decimal(50_000), 1)
    assert (order.quantity, one.free("USDT")) == (Decimal("0.01"), 500)
    one.amend(order, Decimal("0.005"), Decimal(50_000), 1)
    assert one.free("USDT") == 750


def test_done_orders_are_forgotten_oldest_first(pair: Market) -> None:
    one = desk(kept=3)
    resting = one.place(1, pair, "BUY", "LIMIT", Decimal("0.001"), Decimal(50_000), "", 0)
    for number in range(2, 8):
        one.place(number, pair, "SELL", "MARKET", Decimal("0.001"), None, "", 0)
    assert [o.number for o in one.all_orders()] == [1, 6, 7]
    assert one.by_number(1) is resting


def test_names_of_the_markets() -> None:
    board = Board(DEFAULT_MARKETS)
    dollar = board.find("kraken", "XXBTZUSD")
    assert dollar is board.find("kraken", "XBTUSD") is board.find("kraken", "XBT/USD") is board.markets[2]
    assert board.find("kraken", "XBTUSDT") is board.find("binance", "BTCUSDT") is board.find("cryptocom", "BTC_USDT")
    assert board.find("kraken", "XBTUSDT").kraken == "XBTUSDT"
