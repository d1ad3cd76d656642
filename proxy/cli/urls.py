"""Ready settings for the clients of an account: text to paste. Pure."""

from dataclasses import dataclass

from proxy.exchanges.form import Exchange

TOKEN = "<token>"
_UNPACED = "'enableRateLimit': False"


@dataclass(frozen=True, slots=True)
class Setting:
    """`client`: whom it is for; `text`: what to paste, with <token> where the bot's token goes."""

    client: str
    text: str


def settings(account: str, exchange: Exchange, listen: str) -> list[Setting]:
    """Settings for the clients known to work with this exchange.

    ccxt and most SDKs send no key on public calls, so the token stands in the path too. ccxt's own pacing is
    off: it knows of one key and one address only (Kraken: a call per second), and calls are paced here.
    """
    base = f"http://{listen}/~{TOKEN}/{account}"
    product = next(iter(exchange.table.products.values()))
    host = product.upstream.host
    found = [Setting("any client", f"http://{listen}/{account}  with the token as the API key, and any secret")]
    found += _FOR[exchange.name](f"{base}/{host}") if exchange.name in _FOR else []
    path = exchange.time_path or _PROBES.get(exchange.name, "")
    found.append(Setting("curl", f"curl -H 'X-Ordergate-Token: {TOKEN}' http://{listen}/{account}{path}"))
    return found


_PROBES = {
    "krakenfutures": "/derivatives/api/v3/instruments/status",
    "cryptocom": "/exchange/v1/public/get-tickers",
}


def _binance(base: str) -> list[Setting]:
    root = base.rpartition("/")[0]
    apis = (
        ("public", "/api/v3"), ("private", "/api/v3"), ("v1", "/api/v1"),
        ("sapi", "/sapi/v1"), ("sapiV2", "/sapi/v2"), ("sapiV3", "/sapi/v3"), ("sapiV4", "/sapi/v4"),
    )  # fmt: skip
    rows = "".join(f"\n    '{name}': '{base}{path}'," for name, path in apis)
    ccxt = (
        f"exchange = ccxt.binance({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED},\n"
        "  'options': {'defaultType': 'spot', 'fetchMarkets': {'types': ['spot']}}})\n"
        f"exchange.urls['api'].update({{{rows}\n}})"
    )
    binance = (
        f"from binance.client import BaseClient, Client\n"
        f"BaseClient.API_URL = '{base}/api'\n"
        f"BaseClient.MARGIN_API_URL = '{base}/sapi'\n"
        f"client = Client('{TOKEN}', 'unused')"
    )
    futures, coin = f"{root}/fapi.binance.com", f"{root}/dapi.binance.com"
    python_futures = (
        f"from binance.client import BaseClient, Client\n"
        f"BaseClient.FUTURES_URL = '{futures}/fapi'\n"
        f"BaseClient.FUTURES_DATA_URL = '{futures}/futures/data'\n"
        f"BaseClient.FUTURES_COIN_URL = '{coin}/dapi'\n"
        f"BaseClient.FUTURES_COIN_DATA_URL = '{coin}/futures/data'\n"
        f"client = Client('{TOKEN}', 'unused', ping=False)"  # which would be one of spot
    )
    return [
        Setting("ccxt", ccxt),
        Setting("ccxt (USD-M)", _ccxt_futures("binanceusdm", "fapi", root)),
        Setting("ccxt (COIN-M)", _ccxt_futures("binancecoinm", "dapi", root)),
        Setting("python-binance", binance),
        Setting("python-binance (futures)", python_futures),
    ]


def _ccxt_futures(name: str, api: str, root: str) -> str:
    """It asks for its currencies at the spot host."""
    base = f"{root}/{api}.binance.com"
    rows = [
        (f"{api}{kind}{version}", f"{base}/{api}/{version.lower() or 'v1'}")
        for version in ("", "V2", "V3")
        for kind in ("Public", "Private")
    ]
    rows += [(f"{api}Data", f"{base}/futures/data"), ("sapi", f"{root}/api.binance.com/sapi/v1")]
    text = "".join(f"\n    '{row}': '{url}'," for row, url in rows)
    return (
        f"exchange = ccxt.{name}({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{{text}\n}})"
    )


def _kraken(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.kraken({{'apiKey': '{TOKEN}', 'secret': 'dW51c2Vk', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'public': '{base}', 'private': '{base}'}})"
    )
    krakenex = f"api = krakenex.API(key='{TOKEN}', secret='dW51c2Vk')\napi.uri = '{base}'"
    return [Setting("ccxt", ccxt), Setting("krakenex", krakenex)]


def _krakenfutures(base: str) -> list[Setting]:
    apis = (
        ("public", "/derivatives/api/"), ("private", "/derivatives/api/"),
        ("charts", "/api/charts/"), ("history", "/api/history/"),
    )  # fmt: skip
    rows = "".join(f"\n    '{name}': '{base}{path}'," for name, path in apis)
    ccxt = (
        f"exchange = ccxt.krakenfutures({{'apiKey': '{TOKEN}', 'secret': 'dW51c2Vk', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{{rows}\n}})"
    )
    return [Setting("ccxt", ccxt)]


def _cryptocom(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.cryptocom({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'v1': '{base}/exchange/v1'}})"
    )
    library = (
        f"provider = cryptocom.exchange.ApiProvider(api_key='{TOKEN}', api_secret='unused',\n"
        f"  root_url='{base}/exchange/v1/', retries=0)"  # else it posts an order of unknown outcome six times
    )
    return [Setting("ccxt", ccxt), Setting("cryptocom-exchange", library)]


def _kucoin(base: str) -> list[Setting]:
    futures = base.removesuffix("api.kucoin.com") + "api-futures.kucoin.com"
    apis = dict.fromkeys(("public", "private", "earn", "uta", "utaV2", "utaPrivate"), base)
    apis |= dict.fromkeys(("futuresPublic", "futuresPrivate"), futures)
    rows = "".join(f"\n    '{name}': '{url}'," for name, url in apis.items())
    dummies = f"'apiKey': '{TOKEN}', 'secret': 'unused', 'password': 'unused'"
    ccxt = f"exchange = ccxt.kucoin({{{dummies}, {_UNPACED}}})\nexchange.urls['api'].update({{{rows}\n}})"
    sdk = (
        f"option = (ClientOptionBuilder().set_key('{TOKEN}').set_secret('unused').set_passphrase('unused')\n"
        f"  .set_spot_endpoint('{base}')\n"
        f"  .set_futures_endpoint('{futures}')\n"
        "  .set_transport_option(TransportOptionBuilder().build()).build())"
    )
    return [Setting("ccxt", ccxt), Setting("kucoin-universal-sdk", sdk)]


def _coinbase(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.coinbase({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'rest': '{base}'}})"
    )
    return [Setting("ccxt", ccxt)]


def _htx(base: str) -> list[Setting]:
    """Both hosts, as some paths are the same on either."""
    hosts = {"spot": base, "contract": f"{base.rpartition('/')[0]}/api.hbdm.com"}
    apis = {**hosts, **dict.fromkeys(("public", "private", "v2Public", "v2Private"), base)}
    rows = "".join(f"\n    '{name}': '{url}'," for name, url in apis.items())
    ccxt = (
        f"exchange = ccxt.htx({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{{rows}\n}})"
    )
    return [Setting("ccxt", ccxt)]


def _bybit(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.bybit({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{name: '{base}' for name in ('public', 'private')}})"
    )
    pybit = (
        "from pybit.unified_trading import HTTP\n"
        f"session = HTTP(api_key='{TOKEN}', api_secret='unused')\n"
        f"session.endpoint = '{base}'"
    )
    return [Setting("ccxt", ccxt), Setting("pybit", pybit)]


def _okx(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.okx({{'apiKey': '{TOKEN}', 'secret': 'unused', 'password': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'rest': '{base}'}})"
    )
    library = f"trade = okx.Trade.TradeAPI('{TOKEN}', 'unused', 'unused', domain='{base}')"
    return [Setting("ccxt", ccxt), Setting("python-okx", library)]


def _gate(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.gate({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"for group in exchange.urls['api'].values():\n"
        f"  group.update(dict.fromkeys(group, '{base}/api/v4'))"
    )
    library = (
        f"client = gate_api.ApiClient(gate_api.Configuration(host='{base}/api/v4', key='{TOKEN}', secret='unused'))"
    )
    return [Setting("ccxt", ccxt), Setting("gate-api", library)]


def _poloniex(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.poloniex({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'spot': '{base}', 'swap': '{base}'}})"
    )
    return [Setting("ccxt", ccxt)]


_FOR = {
    "binance": _binance,
    "kraken": _kraken,
    "krakenfutures": _krakenfutures,
    "cryptocom": _cryptocom,
    "kucoin": _kucoin,
    "coinbase": _coinbase,
    "htx": _htx,
    "bybit": _bybit,
    "okx": _okx,
    "gate": _gate,
    "poloniex": _poloniex,
}
