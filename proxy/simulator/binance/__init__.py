"""Binance spot, and the empty futures catalogue."""
