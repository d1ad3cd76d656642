"""Numbers, times and lists that looks go by. What lists prove: test_lookup.py."""

from decimal import Decimal
from typing import Any

import pytest

from proxy.exchanges.evidence import number, of_the_write, rows, shows, whole_ms


@pytest.mark.parametrize(
    ("text", "found"),
    [("1.0", Decimal(1)), ("1e-8", Decimal("0.00000001")), (7, Decimal(7)), ("0", Decimal(0))]
    + [(text, None) for text in ("", "+5", "-5", "5%", "#5", "NaN", "Infinity", "x", None, True, 1.5, [1])],
)
def test_numbers(text: Any, found: Decimal | None) -> None:
    assert number(text) == found


@pytest.mark.parametrize(
    ("pairs", "settled"),
    [
        ([("1.00000000", "1.0")], True),
        ([("1", "1"), ("2", "3")], False),
        ([("1", "1"), (None, "3")], None),
        ([("1", "2"), (None, "3")], False),  # all is changed, or nothing
        ([(None, "3"), ("1", "2")], False),
        ([("1", "+1")], None),
    ],
)
def test_what_an_order_shows(pairs: list[tuple[Any, Any]], settled: bool | None) -> None:
    assert shows(pairs) is settled


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, 5),
        ("1700000000000", 1_700_000_000_000),
        ("-1", None),
        ("1.5", None),
        (1.5, None),
        (True, None),
        (None, None),
    ],
)
def test_times(value: Any, found: int | None) -> None:
    assert whole_ms(value) == found


def test_the_order_of_a_write() -> None:
    assert of_the_write(ended_ms=1, since_ms=2, own=True)
    assert of_the_write(ended_ms=2, since_ms=2, own=False)
    assert not of_the_write(ended_ms=1, since_ms=2, own=False)


def test_rows() -> None:
    assert rows('[{"a":1},2]') == [{"a": 1}, {}]
    assert rows("") == rows("{}") == rows("[") == []
