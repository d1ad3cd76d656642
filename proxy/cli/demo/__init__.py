"""`ordergate demo`: simulated exchanges, a daemon and bots on loopback, with a suspension and a ban on the way."""

from proxy.cli.demo.show import run_demo

__all__ = ["run_demo"]
