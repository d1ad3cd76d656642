"""How a repeat of a write is recognised: by a name that the bot gave it, and a digest of all it asks for. Pure."""

import hashlib
import json
import re

from proxy.errors import BadCall
from proxy.exchanges.form import Exchange
from proxy.model import Call, CallClass

HEADER = "idempotency-key"
_KEY = "key:"
_ID = "id:"
_VISIBLE = re.compile(r"[\x21-\x7e]{1,128}")


def name_of(call: Call, exchange: Exchange) -> str:
    """The write's name among all of its bot at its account, or "". Raises BadCall on a key that is none.

    An Idempotency-Key goes before client order ids: who sends it says what is one and the same. A call that places
    several orders is named by all their ids together.
    """
    given = next((value for name, value in call.request.headers if name == HEADER), None)
    if given is not None:
        if not _VISIBLE.fullmatch(given):
            raise BadCall("bad_idempotency_key", "Idempotency-Key takes 1 to 128 visible ASCII characters")
        return _KEY + given
    if call.endpoint.call_class is not CallClass.PLACE:
        return ""
    ids = exchange.client_ids(call.endpoint, call.params)
    # Half a character, which JSON can hold, has no place in a file.
    return _ID + "\n".join(sorted(ids)).encode("utf-8", "backslashreplace").decode() if ids else ""


def by_client_id(name: str) -> bool:
    """A name that is free again once the exchange has refused the order: bots repeat an id then."""
    return name.startswith(_ID)


def digest_of(call: Call) -> bytes:
    """SHA-256 over the endpoint and its parameters by name, however they were sorted or spread over query and body.

    Lists and objects count by what they hold. Dummy keys, signatures, nonces and time stamps are stripped before.
    """
    rows = sorted((name, _plain(value)) for name, value in call.params.items())
    return hashlib.sha256(json.dumps([call.endpoint.name, rows]).encode()).digest()


def _plain(value: str) -> str:
    if value[:1] not in ("{", "["):
        return value
    try:
        found = json.loads(value, parse_float=str, parse_int=str)
        return json.dumps(found, sort_keys=True)
    except (ValueError, RecursionError):
        return value
