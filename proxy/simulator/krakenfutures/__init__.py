"""Kraken Futures (derivatives API, version 3)."""
