"""How plain YAML values are read, and where they stand."""

from typing import Any

import pytest

from proxy.config.document import parse, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        # YAML 1.1 would make these a truth value, base 60, base 8, a date, a number.
        ("yes", "yes"),
        ("on", "on"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("190:20", "190:20"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2030-03-01", "2030-03-01"),
        (".inf", ".inf"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  12", "12\n"),
        ("=", "="),
    ],
)
def test_plain_values(text: str, value: Any) -> None:
    read = parse(f"a: {text}\n").tree["a"]
    assert read == value
    assert type(read) is type(value)


def test_names_are_always_text() -> None:
    assert parse("1: a\ntrue: b\nnull: c\n2030-01-01: d\n<<: e\n").tree == {
        "1": "a",
        "true": "b",
        "null": "c",
        "2030-01-01": "d",
        "<<": "e",
    }


def test_lines_of_names_and_items() -> None:
    document = parse("# dummy\na:\n  b:\n    - x\n    - {c: y,\n       d: z}\n")
    assert document.line(("a",)) == 2
    assert document.line(("a", "b")) == 3
    assert document.line(("a", "b", 0)) == 4
    assert document.line(("a", "b", 1, "c")) == 5
    assert document.line(("a", "b", 1, "d")) == 6


def test_the_line_of_what_is_missing_is_that_of_what_should_hold_it() -> None:
    document = parse("a: 1\nb:\n  c: 2\n")
    assert document.line(("b", "missing", "deeper")) == 2
    assert document.line(("missing",)) == 1


def test_the_first_of_two_equal_names_counts() -> None:
    document = parse("a:\n  b: 1\n  b: {c: 2, c: 3}\n  d: 4\n")
    assert document.tree == {"a": {"b": 1, "d": 4}}
    assert [(c.line, c.place) for c in document.complaints] == [(3, ("a",))]


def test_a_document_does_not_print_its_values() -> None:
    assert "canary" not in repr(parse("a: dummy-canary\n"))


def test_a_byte_order_mark_and_windows_newlines(tmp_path: Any) -> None:
    path = tmp_path / "dummy.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = read_document(path)
    assert document.tree == {"a": 1, "b": 2}
    assert document.line(("b",)) == 2
