"""Ordergate: signs, paces and routes the orders of local trading bots."""

__version__ = "0.1.0"
