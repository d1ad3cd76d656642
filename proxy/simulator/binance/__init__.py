"""Binance: spot here, futures below."""
