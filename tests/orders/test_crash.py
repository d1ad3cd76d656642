"""The short form of tests/orders/crash.py."""

from tests.orders.crash import crash


async def test_a_killed_daemon_loses_and_doubles_no_order() -> None:
    found = await crash(5)
    assert found.kills == 5 and found.executed > 50
    assert (found.doubled, found.unknown_to_journal, found.lied) == ([], [], [])
    assert found.told["executed"] > 50
