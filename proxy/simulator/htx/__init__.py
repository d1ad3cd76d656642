"""HTX: spot and USDT-margined (linear) swaps."""
