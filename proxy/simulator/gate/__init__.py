"""Gate, version 4 of its interface: spot and perpetuals paid in USDT."""
