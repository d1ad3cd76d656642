"""Clients as a user of `ordergate urls` has them."""

from typing import Any

from proxy.cli.world import AccountPlan
from tests.e2e.worlds import World


def client_of(world: World, plan: AccountPlan, module: Any, client: str = "ccxt") -> Any:
    """ccxt by the very text that is printed, run as a user would who has pasted it below `import ccxt`."""
    space: dict[str, Any] = {"ccxt": module}
    exec(world.printed(plan, client), space)
    return space["exchange"]
