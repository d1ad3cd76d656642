"""KuCoin: spot and futures."""
