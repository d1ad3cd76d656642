"""Form and query texts: what stays, stays byte for byte."""

from urllib.parse import parse_qsl, quote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadCall
from proxy.exchanges import texts

_WORDS = st.text("abcXYZ019%+-._~[]äß&= ", max_size=8)
_PIECES = st.builds(
    lambda name, value, plus: f"{quote(name, safe='[]')}={quote(value).replace('%20', '+' if plus else '%20')}",
    _WORDS.filter(lambda w: w not in ("nonce", "otp")),
    _WORDS,
    st.booleans(),
)
_DUMMIES = st.sampled_from(["nonce=1", "otp=123456", "%6Eonce=5", "nonc%65=", "nonce", "otp=a%26b"])


@given(st.lists(_PIECES, max_size=6), st.lists(st.tuples(st.integers(0, 6), _DUMMIES), max_size=4))
def test_without_cuts_the_named_and_leaves_the_rest(pieces: list[str], dummies: list[tuple[int, str]]) -> None:
    mixed = list(pieces)
    for at, dummy in dummies:
        mixed.insert(min(at, len(mixed)), dummy)
    assert texts.without("&".join(mixed), frozenset({"nonce", "otp"})) == "&".join(pieces)


@given(st.lists(_PIECES, max_size=6))
def test_collect_reads_like_the_standard_library(pieces: list[str]) -> None:
    text = "&".join(pieces)
    rows = parse_qsl(text, keep_blank_values=True)
    if len({name for name, _ in rows}) == len(rows):
        assert texts.collect((text,)) == dict(rows)


def test_collect_refuses_a_name_in_two_places() -> None:
    assert texts.collect(("a=1&b[]=2&b[]=3", "c=%2C")) == {"a": "1", "b[]": "3", "c": ","}
    for pair in (("a=1", "a=1"), ("a=1&%61=2", "")):
        with pytest.raises(BadCall) as caught:
            texts.collect(pair)
        assert caught.value.reason == "duplicate_parameter"


@pytest.mark.parametrize("body", [b"a=\xc3\xa4", b"a=1 2", b"a=1\n", b"a=\x00", b"a=\x7f", b"a=\t", b"\xff"])
def test_a_form_is_printable_ascii_without_blanks(body: bytes) -> None:
    with pytest.raises(BadCall) as caught:
        texts.form_text(body)
    assert caught.value.reason == "bad_body"


def test_form_text_returns_the_text_as_it_is() -> None:
    assert texts.form_text(b"a=%C3%A4+b&c[0]=~") == "a=%C3%A4+b&c[0]=~"
    assert texts.form_text(b"") == ""


@pytest.mark.parametrize("query", ["a=ä", "a= ", "a=１"])
def test_plain_refuses_an_unencoded_query(query: str) -> None:
    with pytest.raises(BadCall):
        texts.plain(query)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_plain_lets_printable_ascii_pass(text: str) -> None:
    assert texts.plain(text) is text
    assert unquote_plus(quote(text)) == text


@pytest.mark.parametrize(
    ("body", "answer"), [(b' \n{"a":1}', True), (b"[1]", True), (b"a=1", False), (b"", False), (b'"x"', False)]
)
def test_json_is_told_by_its_first_sign(body: bytes, answer: bool) -> None:
    assert texts.is_json(body) is answer
