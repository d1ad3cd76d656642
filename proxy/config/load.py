"""From the file to the records of the daemon: one pass that collects every complaint."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from proxy import secrets
from proxy.config import fields
from proxy.config.account import AccountForm, Addresses, KeyForm, LimitForm, bound, public
from proxy.config.complaints import judge, render
from proxy.config.document import Complaint, Document, Place, read_document
from proxy.config.form import Facts, Secret
from proxy.config.model import BOT_CLASSES, BotForm, FileForm
from proxy.config.records import AccountConfig, AddressConfig, BotConfig, Config, KeyConfig, LimitOverride
from proxy.errors import ConfigError
from proxy.model import Credential

DEFAULT_PLACES = (Path("/etc/ordergate/ordergate.yaml"), Path("config/ordergate.yaml"))
MIN_TOKEN = 8


def find(path: Path | None, places: tuple[Path, ...] = DEFAULT_PLACES) -> Path:
    """The configuration to use: `path` if given, else the first place that has one. ConfigError if none has."""
    if path is not None:
        return path
    for place in places:
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return place  # it is there, but closed to us: loading says so, rather than another file being taken
        return place
    raise ConfigError([f"no configuration: neither {' nor '.join(map(str, places))} exists"])


def load(
    path: Path,
    exchanges: Mapping[str, tuple[str, ...]],
    environ: Mapping[str, str] | None = None,
    uncacheable: Callable[[str, str], str] = lambda exchange, endpoint: "",
) -> Config:
    """Read, check and complete the configuration, secrets included.

    `exchanges`: name -> its products. `uncacheable`: as in Facts. ConfigError holds every fault as
    "file:line: place: text".
    """
    document = read_document(path)
    folder, variables = path.absolute().parent, os.environ if environ is None else environ
    loading = _Loading(document, exchanges, folder, variables, uncacheable)
    config = loading.config() if document.tree is not None else None
    if config is None or loading.complaints:
        raise ConfigError(render(path, loading.complaints))
    return config


class _Loading:
    """One run over a document. Values are filled in even after a complaint, so that the run finds all of them."""

    def __init__(
        self,
        document: Document,
        exchanges: Mapping[str, tuple[str, ...]],
        folder: Path,
        environ: Mapping[str, str],
        uncacheable: Callable[[str, str], str],
    ) -> None:
        self.complaints: list[Complaint] = list(document.complaints)
        self._document = document
        self._folder = folder
        self._environ = environ
        self._exchanges = exchanges
        self._uncacheable = uncacheable
        self._seen: dict[tuple[str, bytes], str] = {}  # (what, digest) -> where it stood first
        self._public: dict[str, str] = {}  # bound address -> its public one

    def config(self) -> Config | None:
        """The configuration; meaningless if there are complaints."""
        top = self._document.tree if isinstance(self._document.tree, dict) else {}
        facts = Facts(
            self._exchanges,
            accounts=frozenset(self._names("accounts")),
            allow_remote=top.get("allow_remote") is True,
            allow_env_secrets=top.get("allow_env_secrets") is True,
            uncacheable=self._uncacheable,
        )
        whole, faults = judge(FileForm, self._document, (), facts)
        self.complaints += faults
        # Each part is taken by itself, so that a fault in one does not hide another's missing secret.
        accounts: dict[str, AccountConfig] = {}
        for name in self._names("accounts"):
            account, _ = judge(AccountForm, self._document, ("accounts", name), facts)
            if account is not None:
                accounts[name] = self._account(name, account)
        bots: dict[str, BotConfig] = {}
        for name in self._names("bots"):
            bot, _ = judge(BotForm, self._document, ("bots", name), facts)
            if bot is not None:
                bots[name] = self._bot(name, bot, accounts)
        if whole is None:
            return None
        return Config(tuple(whole.listen), whole.admin, self._folder / whole.state_dir, bots, accounts)

    def _names(self, part: str) -> Iterator[str]:
        found = self._document.tree.get(part) if isinstance(self._document.tree, dict) else None
        return iter(found if isinstance(found, dict) else ())

    def _complain(self, place: Place, text: str) -> None:
        self.complaints.append(Complaint(self._document.line(place), place, text))

    def _account(self, name: str, form: AccountForm) -> AccountConfig:
        place: Place = ("accounts", name)
        urls = form.upstream if isinstance(form.upstream, dict) else {}
        upstream = {product: fields.upstream(url) for product, url in urls.items()}
        local = bool(upstream) and all(fields.is_loopback(one.host) for one in upstream.values())
        addresses = self._addresses((*place, "addresses"), form.addresses)
        return AccountConfig(
            name=name,
            exchange=form.exchange,
            tier=form.tier,
            addresses=addresses,
            keys=tuple(
                self._key((*place, "keys", alias), form.exchange, key, addresses, local=local)
                for alias, key in form.keys.items()
            ),
            upstream=upstream,
            limits={name: _limit(limit) for name, limit in form.limits.items()},
            reserve={str(name): share for name, share in form.reserve.items()},
            deny=tuple(form.deny),
            allow_withdrawals=form.allow_withdrawals,
            cache={endpoint: fields.cache_ns(text) for endpoint, text in form.cache.items()},
            local=local,
        )

    def _addresses(self, place: Place, items: Addresses) -> tuple[AddressConfig, ...]:
        found = tuple(AddressConfig(bound(item), public(item)) for item in items)
        for at, address in enumerate(found):
            if self._public.setdefault(address.bind, address.public) != address.public:
                self._complain((*place, at), "elsewhere in this file the same bound address has another public one")
        return found

    def _key(
        self, place: Place, exchange: str, form: KeyForm, shared: tuple[AddressConfig, ...], *, local: bool
    ) -> KeyConfig:
        key = self._text((*place, "key"), form.key, local=local)
        secret = self._secret((*place, "secret"), form.secret, local=local)
        passphrase = ""
        if form.passphrase is not None:
            passphrase = self._text((*place, "passphrase"), form.passphrase, local=local)
        if key:
            self._only_once((*place, "key"), f"API key at {exchange}", key)
        alias = str(place[-1])
        return KeyConfig(
            alias=alias,
            credential=Credential(str(place[1]), alias, key, secret, passphrase),
            expires=form.expires,
            nonce_window=form.nonce_window,
            addresses=shared if form.addresses is None else self._addresses((*place, "addresses"), form.addresses),
        )

    def _bot(self, name: str, form: BotForm, accounts: Mapping[str, AccountConfig]) -> BotConfig:
        place = ("bots", name, "token")
        local = all(accounts[account].local for account in form.accounts if account in accounts)
        token = self._text(place, form.token, local=local)
        if token and (len(token) < MIN_TOKEN or " " in token):
            self._complain(place, f"a token has at least {MIN_TOKEN} characters and no space: openssl rand -hex 24")
        if token:
            self._only_once(place, "token", token)
        return BotConfig(
            name, _digest(token), frozenset(form.accounts), frozenset(form.allow), form.share, _deadlines(form)
        )

    def _only_once(self, place: Place, what: str, text: str) -> None:
        here = ".".join(map(str, place))
        first = self._seen.setdefault((what, _digest(text)), here)
        if first != here:
            self._complain(place, f"the same {what} as in {first}")

    def _text(self, place: Place, source: Secret, *, local: bool) -> str:
        """A secret that travels in a header: one line of ASCII. "" after a complaint."""
        raw = self._secret(place, source, local=local)
        if not all(0x20 <= byte < 0x7F for byte in raw):
            self._complain(place, "must be one line of plain ASCII text")
            return ""
        return raw.decode("ascii")

    def _secret(self, place: Place, source: Secret, *, local: bool) -> bytes:
        """The secret's bytes; b"" after a complaint."""
        if source.value and not local:
            where = "only for accounts whose every upstream is on this machine"
            self._complain(place, f"a secret in this file is {where}: put it in a file of mode 0600")
            return b""
        complaints: list[str] = []
        try:
            return self._read(source)
        except ConfigError as problem:
            complaints += problem.complaints
        for text in complaints:
            self._complain(place, text)
        return b""

    def _read(self, source: Secret) -> bytes:
        if source.file:
            return secrets.from_file(self._folder / source.file)
        if source.credential:
            return secrets.from_credential(source.credential, self._environ)
        if source.env:
            return secrets.from_env(source.env, self._environ)
        return secrets.from_value(source.value)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _deadlines(form: BotForm) -> Mapping[str, int]:
    given = form.deadline
    rows = dict.fromkeys(BOT_CLASSES, given) if isinstance(given, str) else given
    return {str(name): fields.deadline_ns(text) for name, text in rows.items()}


def _limit(form: LimitForm | float) -> LimitOverride:
    if isinstance(form, LimitForm):
        return LimitOverride(form.capacity, fields.duration_ns(form.window) if form.window else None)
    return LimitOverride(form)
