"""Poloniex: spot, and futures v3 on the same host."""
