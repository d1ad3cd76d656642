"""Binance's futures: USD-M (/fapi), COIN-M (/dapi), and both through a portfolio margin account (/papi)."""
