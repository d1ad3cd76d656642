"""How much of the legal budget is used, and how often the exchange refuses: Ordergate beside other limiters.

    python -m tests.bench.budget [--scenario S1,S5,...] [--subject ordergate,pyrate,...] [--json] [--seed N]

Minutes of exchange time on a virtual clock, the same traffic for every subject. The exchange counts with the
simulator's counters at the moment a call arrives; flights take 5-60 ms each way, 0.5 % of calls 300 ms more; the
exchange's clock is 50 ms ahead. It bans an address for two minutes after five refused calls within a minute that were
sent although the exchange had told to rest (Binance: "failing to back off").

share     accepted units / legal maximum (legal.py says exactly what that is), the least over the binding limits
refused   answers "too many requests"; in brackets those sent after the news of a changed limit had reached us
bans      addresses banned for them
knocks    calls to a banned, suspended or not whitelisted subject after it was told, before its time
unfair    largest deviation of a bot's accepted calls from an equal share
p50, p99  wait from the bot's asking to the accepted send, per class; those that still wait count as long as they have
cpu       processor seconds of the run, the simulated exchange included
"""

import argparse
import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.bench.budget_run import SUBJECTS, Result, measure
from tests.bench.scenarios import chosen


def _row(result: Result) -> list[str]:
    refused = str(result.refused)
    if result.scenario.startswith("S6"):
        refused += f" ({result.refused_knowing})"
    reach = f"{result.share:.2%}" if result.ceiling == 1 else f"{result.share:.2%} of {result.ceiling:.2%}"
    waits = ", ".join(f"{kind} {_time(w.p50_ms)}/{_time(w.p99_ms)}" for kind, w in result.waits.items())
    unfair = "" if result.unfair is None else f"{result.unfair:.1%}"
    missed = ", ".join(result.misses) or "[green]all goals[/green]"
    columns = [reach, refused, str(result.bans), str(result.knocks), unfair, waits, f"{result.cpu_s:.2f}", missed]
    return [result.subject, *columns]


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description="Share of the legal budget, and refusals.")
    parser.add_argument("--scenario", default="", help="S1,S2-day,...; all if empty")
    parser.add_argument("--subject", default=",".join(SUBJECTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console, results = Console(), []
    if not console.is_terminal:
        console.width = 150
    for scenario in chosen(options.scenario):
        rows = [measure(scenario, subject, options.seed) for subject in options.subject.split(",")]
        results += rows
        if not options.json:
            table = Table(title=f"{scenario.name}: {scenario.title}", title_justify="left", title_style="bold")
            for column in ("", "share", "refused", "bans", "knocks", "unfair", "wait p50/p99", "cpu s", "misses"):
                table.add_column(column, justify="left" if column in ("", "misses", "wait p50/p99") else "right")
            for row in rows:
                table.add_row(*_row(row))
            console.print(table)
    if options.json:
        print(json.dumps([asdict(row) for row in results], indent=1))
    else:
        print(f"seed {options.seed}; 'x of y': y is the most that a client can reach that does not see arrivals")


if __name__ == "__main__":
    main()
