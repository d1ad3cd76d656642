"""Every kind of fault, its line and place, and that no complaint repeats what the file says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from proxy.config import load
from proxy.errors import ConfigError

Swap = Callable[[str, str], str]

KEY = "{key: {file: key}, secret: {file: secret}}"
TWENTY_ONE = ", ".join(f"203.0.113.{at}" for at in range(1, 22))
ELEVEN = "{" + ", ".join(f"k{at}: {KEY}" for at in range(11)) + "}"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        # top level
        ("state_dir: state", "listen: []", "1: listen: List should have at least 1 item"),
        ("state_dir: state", "listen: 127.0.0.1:1", "1: listen: must be a list"),
        ("state_dir: state", "listen: [localhost:8787]", "1: listen.0: write IP:port"),
        ("state_dir: state", "listen: ['127.0.0.1']", "1: listen.0: write IP:port"),
        ("state_dir: state", "listen: ['127.0.0.1:65536']", "1: listen.0: write IP:port"),
        ("state_dir: state", "listen: ['::1:8787']", "1: listen.0: write IP:port"),
        ("state_dir: state", "listen: ['[127.0.0.1]:8787']", "1: listen.0: write IP:port"),
        ("state_dir: state", "listen: ['unix:run/bots']", "1: listen.0: write unix:/path"),
        ("state_dir: state", f"listen: ['unix:/{'x' * 107}']", "1: listen.0: write unix:/path"),
        ("state_dir: state", "listen: ['0.0.0.0:8787']", "1: listen.0: other machines could reach this"),
        ("state_dir: state", "listen: ['[::]:8787']", "1: listen.0: other machines could reach this"),
        ("state_dir: state", "admin: 203.0.113.1:8788", "1: admin: other machines could reach this"),
        ("state_dir: state", "listen: ['127.0.0.1:1', '127.0.0.1:1']", "1: listen: the same listener stands twice"),
        ("state_dir: state", "admin: 127.0.0.1:8787", "1: admin: bots and operators need listeners of their own"),
        ("state_dir: state", "state_dir: ''", "1: state_dir: String should have at least 1 character"),
        ("state_dir: state", "state_dir: 5", "1: state_dir: must be text (quote a number)"),
        ("state_dir: state", "allow_remote: yes", "1: allow_remote: must be true or false"),
        ("state_dir: state", "ledger: disk", "1: ledger: must be 'memory'"),
        ("state_dir: state", "ledger: {redis: 'redis://h'}", "1: ledger.redis: not available in this version"),
        ("state_dir: state", "ledgr: memory", "1: a name that does not belong here (did you mean `ledger`?)"),
        ("state_dir: state", "state_dir: a\nstate_dir: b", "2: a name that stands twice (first on line 1)"),
        ("state_dir: state", "? [a]\n: b", "1: a name must be plain text"),
        ("state_dir: state", 'state_dir: "\\ud800"', "1: state_dir: a character that no text can hold"),
        # bots
        ("  grid:", "  gr id:", "3: bots: a name is up to 64"),
        ("  grid:", "  ~grid:", "3: bots: a name is up to 64"),
        ("  grid:", f"  {'g' * 65}:", "3: bots: a name is up to 64"),
        ("    token: {file: token}\n", "", "3: bots.grid.token: is missing"),
        ("token: {file: token}", "token: dummy-token", "4: bots.grid.token: write one source"),
        ("token: {file: token}", "token: {dummy-token}", "4: bots.grid.token: write one source"),
        ("token: {file: token}", "token: {file: token, env: A}", "4: bots.grid.token: write one source"),
        ("token: {file: token}", "token: {file: ''}", "4: bots.grid.token.file: String should have at least 1"),
        ("token: {file: token}", "token: {file: 5}", "4: bots.grid.token.file: must be text"),
        ("token: {file: token}", "token: {vault: a}", "4: bots.grid.token.vault: not available in this version"),
        ("token: {file: token}", "token: {env: A}", "4: bots.grid.token.env: secrets in the environment need"),
        ("token: {file: token}", "token: {value: dummy}", "4: bots.grid.token: a secret in this file is only for"),
        ("token: {file: token}", "token: {file: none}", "4: bots.grid.token: there is no such file"),
        ("token: {file: token}", "token: {credential: none}", "4: bots.grid.token: there are no systemd credentials"),
        ("accounts: [main, two]", "accounts: []", "5: bots.grid.accounts: List should have at least 1 item"),
        ("accounts: [main, two]", "accounts: [main, three]", "5: bots.grid.accounts.1: there is no such account"),
        ("cancel, place]", "cancel, withdraw]", "6: bots.grid.allow.3: must be 'public', 'read', 'cancel' or"),
        ("    allow: [", "    share: 0\n    allow: [", "6: bots.grid.share: must be greater than 0"),
        ("    allow: [", "    share: -1\n    allow: [", "6: bots.grid.share: must be greater than 0"),
        ("    allow: [", "    share: '1'\n    allow: [", "6: bots.grid.share: must be a number"),
        ("    allow: [", "    share: 1e999\n    allow: [", "6: bots.grid.share: must be a finite number"),
        ("    allow: [", "    deadline: 2\n    allow: [", "6: bots.grid.deadline: must be text"),
        ("    allow: [", "    deadline: soon\n    allow: [", "6: bots.grid.deadline: not a duration: write 100ms, 10s"),
        ("    allow: [", "    deadline: 11m\n    allow: [", "6: bots.grid.deadline: a call waits for 10m at most"),
        ("    allow: [", "    deadline: {place: 0s}\n    allow: [", "6: bots.grid.deadline.place: not a duration"),
        ("    allow: [", "    deadline: {amend: 1s}\n    allow: [", "6: bots.grid.deadline"),
        # accounts
        ("  two:", "  two.x:", "13: accounts: an account's name is up to 64"),
        ("  two:", "  ~two:", "13: accounts: an account's name is up to 64"),
        ("    exchange: kraken\n", "", "8: accounts.main.exchange: is missing"),
        ("kraken", "krakn", "9: accounts.main.exchange: unknown exchange; known: binance, kraken, okx"),
        ("    exchange: kraken", "    tier: 3\n    exchange: kraken", "9: accounts.main.tier: must be text"),
        ("203.0.113.11", "203.0.113.256", "10: accounts.main.addresses.1: not an IPv4 or IPv6 address"),
        ("203.0.113.11", "fe80::1%eth0", "10: accounts.main.addresses.1: write the address without an interface"),
        ("203.0.113.11", "'::ffff:1.2.3.4'", "10: accounts.main.addresses.1: write the address without"),
        ("203.0.113.11", "0.0.0.0", "10: accounts.main.addresses.1: not the address of one machine"),
        ("203.0.113.11", "224.0.0.1", "10: accounts.main.addresses.1: not the address of one machine"),
        ("203.0.113.11", "5", "10: accounts.main.addresses.1: must be text"),
        ("203.0.113.11", "203.0.113.10", "10: accounts.main.addresses: the same address stands twice (items 1 and 2)"),
        ("203.0.113.10, 203.0.113.11", "'2001:db8::1', '2001:DB8:0::1'", "10: accounts.main.addresses: the same"),
        ("203.0.113.11", "{bind: 10.0.0.1, public: 203.0.113.10}", "10: accounts.main.addresses: the same public"),
        ("203.0.113.11", "{bind: 10.0.0.1}", "10: accounts.main.addresses.1.public: is missing"),
        ("203.0.113.11", "{bind: x, public: 203.0.113.9}", "10: accounts.main.addresses.1.bind: not an IPv4"),
        ("203.0.113.11", "{proxy: 'socks5://h:1', public: 203.0.113.9}", "10: accounts.main.addresses.1.proxy: not av"),
        ("203.0.113.10, 203.0.113.11", "", "10: accounts.main.addresses: List should have at least 1 item"),
        ("203.0.113.10, 203.0.113.11", TWENTY_ONE, "10: accounts.main.addresses: List should have at most 20 items"),
        ("[203.0.113.10]", "[{bind: 203.0.113.10, public: 203.0.113.12}]", "15: accounts.two.addresses.0: elsewhere"),
        (f"first: {KEY}", "{}", "11: accounts.main.keys: Dictionary should have at least 1 item"),
        (f"first: {KEY}", ELEVEN, "11: accounts.main.keys: Dictionary should have at most 10 items"),
        ("first:", "-first:", "12: accounts.main.keys: a name is up to 64"),
        (", secret: {file: secret}", "", "12: accounts.main.keys.first.secret: is missing"),
        ("key: {file: key}, ", "", "12: accounts.main.keys.first.key: is missing"),
        ("{file: secret}}", "{file: secret}, expires: 2030-02-30}", "12: accounts.main.keys.first.expires: not a date"),
        ("{file: secret}}", "{file: secret}, expires: 20300201}", "12: accounts.main.keys.first.expires: not a date"),
        ("{file: secret}}", "{file: secret}, nonce_window: -1}", "12: accounts.main.keys.first.nonce_window: must be"),
        ("{file: secret}}", "{file: secret}, nonce_window: 1.5}", "12: accounts.main.keys.first.nonce_window: must be"),
        ("{file: secret}}", "{file: secret}, nonce_window: true}", "12: accounts.main.keys.first.nonce_window: must b"),
        ("{file: secret}}", "{file: secret}, addresses: []}", "12: accounts.main.keys.first.addresses: List should"),
        ("{file: secret}}", "{file: secret}, phrase: a}", "12: accounts.main.keys.first: a name that does not belong"),
        ("{file: secret}}", "{value: dummy}}", "12: accounts.main.keys.first.secret: a secret in this file is only"),
        ("exchange: kraken", "exchange: binance", "17: accounts.two.keys.other.key: the same API key at binance as in"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_place_and_text(desk: Any, swap: Swap, old: str, new: str, complaint: str) -> None:
    found = desk.complaints(swap(old, new))
    assert any(line.startswith(complaint) for line in found), found


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "upstream: https://dummy.example",
            "upstream: binance has several products: write one URL for each of spot, u",
        ),
        (
            "upstream: {spto: 'https://dummy.example'}",
            "upstream: a product that binance does not have; it has spot, us",
        ),
        ("upstream: {spot: 5}", "upstream.spot: must be text"),
        ("upstream: {spot: 'dummy.example'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'ftp://dummy.example'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://u:p@dummy.example'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://dummy.example/?'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://dummy.example/?a=1'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://dummy.example/#a'}", "upstream.spot: write http(s)://host"),
        ('upstream: {spot: "https://dummy.exa\\tmple"}', "upstream.spot: write http(s)://host"),
        ('upstream: {spot: "https://dummy.example\\n"}', "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://dummy.example//a'}", "upstream.spot: write http(s)://host"),
        ("upstream: {spot: 'https://dummy.example/a/../b'}", "upstream.spot: the path must not hold"),
        ("upstream: {spot: 'https://dummy.example:0'}", "upstream.spot: the port must be"),
        ("upstream: {spot: 'https://dummy.example:65536'}", "upstream.spot: the port must be"),
        ("upstream: {spot: 'https://-dummy.example'}", "upstream.spot: the host is neither"),
        ("upstream: {spot: 'https://127.1'}", "upstream.spot: the host is neither"),
        ("upstream: {spot: 'https://[127.0.0.1]'}", "upstream.spot: the host is neither"),
        ("upstream: {spot: 'http://dummy.example'}", "upstream.spot: http only towards this machine"),
        ("upstream: {spot: 'http://203.0.113.1'}", "upstream.spot: http only towards this machine"),
        ("upstream: {spot: 'http://localhost.dummy.example'}", "upstream.spot: http only towards this machine"),
        ("limits: {a: 0}", "limits.a: must be greater than 0"),
        ("limits: {a: many}", "limits.a: must be a number"),
        ("limits: {a: {window: 1m}}", "limits.a.capacity: is missing"),
        ("limits: {a: {capacity: 1, window: 1 minute}}", "limits.a.window: not a duration"),
        ("limits: {a: {capacity: 1, window: 0s}}", "limits.a.window: not a duration"),
        ("limits: {a: {capacity: 1, window: 60}}", "limits.a.window: must be text"),
        ("reserve: {place: 0.95}", "reserve.place: must be less than or equal to 0.9"),
        ("reserve: {place: -0.1}", "reserve.place: must be greater than or equal to 0"),
        ("reserve: {place: 0.5, cancel: 0.5}", "reserve: the shares together must not be more than 0.9"),
        ("reserve: {withdraw: 0.1}", "reserve: must be 'cancel', 'place' or 'read'"),
        ("deny: [/api/v3/order]", "deny.0: write METHOD /path"),
        ("deny: ['POST order']", "deny.0: write METHOD /path"),
        ("deny: ['post /order']", "deny.0: write METHOD /path"),
        ("allow_withdrawals: yes", "allow_withdrawals: must be true or false"),
        ("allow_withdrawals: 1", "allow_withdrawals: must be true or false"),
    ],
)
def test_each_fault_of_an_accounts_settings(desk: Any, swap: Swap, setting: str, complaint: str) -> None:
    (found,) = desk.complaints(swap("exchange: binance", f"exchange: binance\n    {setting}"))
    assert found.startswith(f"15: accounts.two.{complaint}")


@pytest.mark.parametrize(
    ("text", "line", "kind"),
    [
        ("", None, "is empty"),
        ("# nothing\n", None, "is empty"),
        ("[]", 1, "must be a mapping"),
        ("dummy-canary", 1, "must be a mapping"),
        ("a: b\n---\na: b\n", 2, "more than one document"),
        ("a: b\nsecret: dummy-canary: x\n", 2, "a `: ` too many"),
        ("a: b\ndummy-canary\nc: d\n", 3, "a name without `:`"),
        ("a: b\nsecret: @dummy-canary\n", 2, "quote it"),
        ("a: b\nsecret: 'dummy-canary\nb: c\n", 2, "never closed"),
        ('a: b\nsecret: "dummy-canary\\q"\n', 2, "escape"),
        ("a: b\nsecret: 'dummy'canary\n", 2, "after a closing quote"),
        ("a: b\nsecret: [dummy, canary\nb: c\n", 3, "bracket"),
        ("a: b\nsecret: *dummy-canary\n", 2, "aliases"),
        ("a: b\nsecret: &dummy-canary x\n", 2, "aliases"),
        ("a: &a [*a]\n", 1, "aliases"),
        ("a: b\nsecret: !dummy-canary x\n", 2, "tags"),
        ("a: b\nsecret: !!binary ZHVtbXk=\n", 2, "tags"),
        ("a: b\nsecret: %dummy-canary\n", 2, "not valid YAML"),
        ("a: b\nsecret: dummy\x07canary\n", 2, "a character that YAML does not allow"),
        ("a: b\nsecret: dummy\udcffcanary\n", 2, "not UTF-8 text"),
        ("[" * 5000, None, "nested too deep"),
        ("#" * (1 << 20) + "\n", None, "larger than 1 MiB"),
    ],
)
def test_what_is_not_yaml_is_told_by_line_and_kind_alone(desk: Any, text: str, line: int | None, kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        desk.load(text)
    first = caught.value.complaints[0]
    assert first.startswith(f"{desk.path}:{line}: " if line else f"{desk.path}: ")
    assert kind in first
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(caught.value.__cause__) + repr(caught.value.__context__)


def test_a_file_that_cannot_be_read(desk: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(desk.path, {})


def test_all_faults_are_told_together_in_order(desk: Any, swap: Swap) -> None:
    desk.secret("token", "dummy-token-of-grid-1", 0o644)
    text = (
        swap("kraken", "krakn")
        .replace("203.0.113.11", "nowhere")
        .replace("cancel, place", "cancel, plaice")
        .replace("other: {key: {file: key}", "other: {key: {file: gone}")
        .replace("state_dir: state", "admin: 0.0.0.0:1")
        .replace("  two:", "  two:\n    adresses: []")
    )
    starts = [line[: line.index(":", line.index(":") + 1)] for line in desk.complaints(text)]
    assert starts == [
        "1: admin",
        "6: bots.grid.allow.3",
        "9: accounts.main.exchange",
        "10: accounts.main.addresses.1",
        "14: accounts.two",
    ]


def test_missing_secrets_are_told_beside_other_parts_faults(desk: Any, swap: Swap) -> None:
    text = swap("kraken", "krakn").replace("other: {key: {file: key}", "other: {key: {file: gone}")
    desk.secret("token", "dummy-token-of-grid-1", 0o644)
    found = desk.complaints(text)
    assert [line.split(":")[0] for line in found] == ["4", "9", "17"]
    assert f"chmod 600 {desk.path.parent / 'token'}" in found[0]


def test_values_need_every_upstream_on_this_machine(desk: Any) -> None:
    text = (
        "bots: {grid: {token: {value: dummy-token-grid}, accounts: [sim, real]}}\n"
        "accounts:\n"
        "  sim:\n"
        "    exchange: binance\n"
        "    addresses: [127.0.0.2]\n"
        "    keys: {main: {key: {value: dummy-key}, secret: {value: dummy-secret}}}\n"
        "    upstream: {spot: 'http://127.0.0.1:9000', usdm: 'https://dummy.example'}\n"
        "  real:\n"
        "    exchange: kraken\n"
        "    addresses: [127.0.0.2]\n"
        "    keys: {main: {key: {file: key}, secret: {file: secret}}}\n"
    )
    places = [line.split(": ")[:2] for line in desk.complaints(text)]
    assert places == [
        ["1", "bots.grid.token"],
        ["6", "accounts.sim.keys.main.key"],
        ["6", "accounts.sim.keys.main.secret"],
    ]
    # One product that goes to the exchange itself is enough to refuse.
    assert len(desk.complaints(text.replace("[sim, real]", "[sim]"))) == 3


def test_bots_need_tokens_of_their_own(desk: Any, swap: Swap) -> None:
    text = swap("bots:\n", "bots:\n  twin:\n    token: {file: token}\n    accounts: [main]\n")
    assert desk.complaints(text) == ["7: bots.grid.token: the same token as in bots.twin.token"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("token", "dummy", "a token has at least 8 characters"),
        ("token", "dummy token of grid", "a token has at least 8 characters and no space"),
        ("token", "dummy-token-\u00e9-of-grid", "one line of plain ASCII"),
        ("key", "dummy-key\ndummy-more", "one line of plain ASCII"),
        ("key", "dummy-key\r\r\n", "one line of plain ASCII"),
        ("key", "", "the secret is empty"),
        ("secret", "\n", "the secret is empty"),
    ],
)
def test_secrets_of_a_wrong_form(desk: Any, name: str, content: str, complaint: str) -> None:
    desk.secret(name, content)
    found = desk.complaints()
    assert all(complaint in line and "dummy" not in line for line in found)


def test_the_same_key_at_another_exchange_is_another_key(desk: Any) -> None:
    assert len(desk.load().accounts) == 2


CANARY = "dummycanaryQ7"


def spoiled(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every copy of a tree in which one value, or one name that operators do not choose, is the canary."""
    if not place and not isinstance(tree, dict):
        return []
    copies: list[tuple[tuple[Any, ...], Any]] = []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, value in items:

        def put(new: Any, at: Any = step) -> Any:
            copy = dict(tree) if isinstance(tree, dict) else list(tree)
            copy[at] = new
            return copy

        for form in (CANARY, [CANARY], {CANARY: CANARY}, {"value": CANARY}, {"file": CANARY}, {"env": CANARY}):
            copies.append(((*place, step), put(form)))
        copies += [(where, put(inner)) for where, inner in spoiled(value, (*place, step))]
        if isinstance(tree, dict) and place not in {("bots",), ("accounts",), ("accounts", "main", "keys")}:
            copies.append(((*place, step), {(CANARY if k == step else k): v for k, v in tree.items()}))
            copies.append(((*place, step), {**tree, CANARY: None}))
    return copies


def test_no_complaint_repeats_a_text_of_the_file(desk: Any) -> None:
    desk.secret("passphrase", "dummy-passphrase")
    tree = {
        "listen": ["127.0.0.1:8787"],
        "ledger": {"redis": "redis://dummy"},
        "bots": {"grid": {"token": {"file": "token"}, "accounts": ["main"], "allow": ["read"], "share": 1}},
        "accounts": {
            "main": {
                "exchange": "kraken",
                "tier": "pro",
                "addresses": [
                    "203.0.113.1",
                    {"bind": "10.0.0.1", "public": "203.0.113.2"},
                    {"proxy": "a", "public": "b"},
                ],
                "keys": {
                    "first": {
                        "key": {"credential": "key"},
                        "secret": {"vault": "secret"},
                        "passphrase": {"value": "passphrase"},
                        "expires": "2030-01-01",
                        "nonce_window": 1,
                    }
                },
                "upstream": {"spot": "https://dummy.example"},
                "deny": ["POST /a"],
                "reserve": {"place": 0.1},
            }
        },
    }
    for place, copy in spoiled(tree):
        with pytest.raises(ConfigError) as caught:
            desk.load(yaml.safe_dump(copy))
        # Where operators choose names, a name that is sound is told.
        told = re.sub(rf"(bots|accounts|keys|upstream|reserve)\.{CANARY}", "", str(caught.value))
        assert CANARY not in told, place
