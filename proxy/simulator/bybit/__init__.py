"""Bybit, version 5 of its interface."""
