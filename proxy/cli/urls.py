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


_PROBES = {"kraken": "/0/public/Time", "cryptocom": "/exchange/v1/public/get-tickers"}


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


def _coinbase(base: str) -> list[Setting]:
    ccxt = (
        f"exchange = ccxt.coinbase({{'apiKey': '{TOKEN}', 'secret': 'unused', {_UNPACED}}})\n"
        f"exchange.urls['api'].update({{'rest': '{base}'}})"
    )
    return [Setting("ccxt", ccxt)]


_FOR = {"binance": _binance, "coinbase": _coinbase, "kraken": _kraken, "cryptocom": _cryptocom}
