import pytest

from proxy.fairness import Contest, parts_of
from proxy.model import Ask, CallClass, Charge, Limit, Scope, Shape


def ask(*charges: tuple[float, float]) -> Ask:
    limits = [Limit(f"l{n}", Scope.ACCOUNT, Shape.SLIDING, capacity, 1) for n, (_, capacity) in enumerate(charges)]
    rows = tuple(Charge(limit, units) for limit, (units, _) in zip(limits, charges, strict=True))
    return Ask("binance", "main", CallClass.READ, rows, ())


def test_a_call_takes_a_share_of_each_limit() -> None:
    assert parts_of(ask((1, 10), (20, 100), (1, 1200))) == (0.1, 0.2, 1 / 1200)
    assert parts_of(ask()) == (1,)
    assert parts_of(ask((30, 10))) == (1,)  # never more than all of it


def contest(*bots: str) -> Contest:
    found = Contest()
    for bot in bots:
        found.join(bot)
    return found


def serve(found: Contest, shares: dict[str, float], parts: dict[str, float], times: int) -> dict[str, float]:
    taken = dict.fromkeys(shares, 0.0)
    for _ in range(times):
        bot = min(shares, key=lambda bot: (found.level(bot), bot))
        found.charge(bot, parts[bot], shares[bot])
        taken[bot] += parts[bot]
    return taken


def test_the_lowest_level_first_gives_everybody_its_share() -> None:
    shares = {"a": 1.0, "b": 2.0, "c": 0.5}
    parts = {"a": 0.01, "b": 0.003, "c": 0.02}
    taken = serve(contest("a", "b", "c"), shares, parts, 4000)
    rates = [taken[bot] / shares[bot] for bot in shares]
    assert max(rates) - min(rates) <= max(parts[bot] / shares[bot] for bot in shares)


def test_the_dearest_calls_of_the_smallest_bots_are_not_forgiven() -> None:
    """The bound on what is owed must not favour whoever takes whole limits at once."""
    shares = {"a": 0.1, "b": 1.0}
    taken = serve(contest("a", "b"), shares, {"a": 1.0, "b": 0.1}, 1100)
    assert taken["b"] / taken["a"] == pytest.approx(10, rel=0.1)


def test_who_comes_back_starts_where_the_lowest_stands() -> None:
    found = contest("a", "b")
    for bot in ("a", "b"):
        found.charge(bot, 0.5, 1)
    found.charge("a", 0.2, 1)
    assert found.level("new") == 0.5  # before it has come
    found.join("new")
    assert found.level("new") == 0.5


def test_who_comes_back_still_owes_what_it_took() -> None:
    found = contest("a", "b")
    found.charge("a", 0.5, 1)
    found.leave("a")
    assert found.level("a") == 0.5
    found.join("a")
    assert found.level("a") == 0.5


def test_nobody_owes_more_than_one_limit() -> None:
    found = contest("a", "b")
    for _ in range(50):
        found.charge("a", 0.5, 2)
    assert found.level("a") == found.level("b") + 0.5


def test_each_waiting_call_counts() -> None:
    found = contest("a", "a", "b")
    found.charge("a", 0.5, 1)
    found.leave("a")
    found.leave("b")
    assert found.level("b") == 0.5  # `a` still waits, so who is away stands where it does
    found.leave("a")
    assert found.level("a") == 0  # nobody waits: forgotten


def test_a_bot_alone_leads_nobody() -> None:
    found = contest("a")
    found.charge("a", 0.5, 1)
    found.rebase()
    found.charge("a", 0.5, 1)
    assert found.lead("a") == 0
    found.join("b")
    assert found.lead("a") == found.lead("b") == 0.5


def test_leads_count_from_the_lowest_of_a_moment() -> None:
    found = contest("a", "b")
    found.charge("a", 0.5, 1)
    found.charge("b", 0.25, 1)
    found.rebase()
    assert (found.lead("a"), found.lead("b")) == (0.25, 0)
    found.charge("b", 0.5, 1)
    assert (found.lead("a"), found.lead("b")) == (0.25, 0.5)  # no lead has fallen


def test_empty() -> None:
    found = contest("a")
    assert not found.empty
    found.leave("a")
    assert found.empty


def test_a_share_of_nothing_does_not_divide() -> None:
    found = contest("a", "b")
    found.charge("a", 0.5, 0)
    assert found.level("a") > found.level("b")
