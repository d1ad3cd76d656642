"""The short form of tests/orders/crash.py."""

from tests.orders.crash import crash


async def test_a_killed_daemon_loses_and_doubles_no_order() -> None:
    found = await crash(2)
    assert found.kills == 2 and found.executed > 20
    assert (found.doubled, found.unknown_to_journal, found.lied, found.open_entries) == ([], [], [], 0)
    assert found.told["executed"] > 20
