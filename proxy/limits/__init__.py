"""Counters, blocks and the ledger over them."""
