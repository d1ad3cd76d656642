"""The exchange's own library against the simulated KuCoin."""

import asyncio
import warnings
from typing import Any

import pytest

from tests.simulator.kucoin_client import KEY, PASSPHRASE, SECRET, config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its models use names that pydantic deprecates
    from kucoin_universal_sdk.api import DefaultClient
    from kucoin_universal_sdk.generate.account.account.model_get_spot_account_list_req import (
        GetSpotAccountListReqBuilder,
    )
    from kucoin_universal_sdk.generate.futures.order import model_add_order_req as futures_req
    from kucoin_universal_sdk.generate.futures.order.model_cancel_order_by_id_req import CancelOrderByIdReqBuilder
    from kucoin_universal_sdk.generate.futures.order.model_get_order_by_client_oid_req import (
        GetOrderByClientOidReqBuilder,
    )
    from kucoin_universal_sdk.generate.spot.market.model_get24hr_stats_req import Get24hrStatsReqBuilder
    from kucoin_universal_sdk.generate.spot.order import model_add_order_req as spot_req
    from kucoin_universal_sdk.generate.spot.order.model_cancel_order_by_order_id_req import (
        CancelOrderByOrderIdReqBuilder,
    )
    from kucoin_universal_sdk.generate.spot.order.model_get_open_orders_req import GetOpenOrdersReqBuilder
    from kucoin_universal_sdk.generate.spot.order.model_get_order_by_order_id_req import GetOrderByOrderIdReqBuilder
    from kucoin_universal_sdk.model.client_option import ClientOptionBuilder
    from kucoin_universal_sdk.model.transport_option import TransportOptionBuilder


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own
async def test_universal_sdk(start: Any) -> None:
    sim = await start(config())

    def steps() -> None:
        option = (
            ClientOptionBuilder()
            .set_key(f"{KEY}-main")
            .set_secret(SECRET)
            .set_passphrase(PASSPHRASE)
            .set_spot_endpoint(sim.url("kucoin"))
            .set_futures_endpoint(sim.url("kucoin", "futures"))
            .set_transport_option(TransportOptionBuilder().set_keep_alive(False).build())
            .build()
        )
        rest = DefaultClient(option).rest_service()
        spot = rest.get_spot_service()
        stats = spot.get_market_api().get24hr_stats(Get24hrStatsReqBuilder().set_symbol("BTC-USDT").build())
        assert stats.last == "60000.00"
        funds = rest.get_account_service().get_account_api()
        assert {a.currency for a in funds.get_spot_account_list(GetSpotAccountListReqBuilder().build()).data} >= {"BTC"}
        assert funds.get_apikey_info().permission == "General,Spot,Futures"
        orders = spot.get_order_api()
        order = spot_req.AddOrderReqBuilder().set_client_oid("sdk-1").set_symbol("BTC-USDT")
        order = order.set_side(spot_req.AddOrderReq.SideEnum.BUY).set_type(spot_req.AddOrderReq.TypeEnum.LIMIT)
        number = orders.add_order(order.set_price("50000").set_size("0.01").build()).order_id
        wanted = GetOrderByOrderIdReqBuilder().set_symbol("BTC-USDT").set_order_id(number).build()
        found = orders.get_order_by_order_id(wanted)
        assert (found.client_oid, found.active, found.common_response.rate_limit.limit) == ("sdk-1", True, 4000)
        opened = orders.get_open_orders(GetOpenOrdersReqBuilder().set_symbol("BTC-USDT").build())
        assert [o.id for o in opened.data] == [number]
        gone = CancelOrderByOrderIdReqBuilder().set_order_id(number).set_symbol("BTC-USDT").build()
        assert orders.cancel_order_by_order_id(gone).order_id == number
        futures = rest.get_futures_service().get_order_api()
        lots = futures_req.AddOrderReqBuilder().set_client_oid("sdk-2").set_symbol("XBTUSDTM").set_leverage(3)
        lots = lots.set_side(futures_req.AddOrderReq.SideEnum.BUY).set_type(futures_req.AddOrderReq.TypeEnum.LIMIT)
        number = futures.add_order(lots.set_price("50000").set_size(10).build()).order_id
        told = futures.get_order_by_client_oid(GetOrderByClientOidReqBuilder().set_client_oid("sdk-2").build())
        assert (told.id, told.size, told.is_active) == (number, 10, True)
        ids = futures.cancel_order_by_id(CancelOrderByIdReqBuilder().set_order_id(number).build()).cancelled_order_ids
        assert ids == [number]

    await asyncio.to_thread(steps)
    assert sim.ledger.counts == {("kucoin", "ok"): 10}
