"""OKX v5: spot and perpetual swaps."""
