"""A YAML text as a tree of plain values that knows the line of each. Never quotes the text it reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1 << 20

Place = tuple[str | int, ...]
"""The way to a value: names of mappings, indexes of lists."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One fault. `line` None: the file as a whole. Texts and places hold no values from the file."""

    line: int | None
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    tree: Any = field(repr=False)
    lines: Mapping[Place, int]
    complaints: tuple[Complaint, ...]

    def line(self, place: Place) -> int:
        """The line of a value, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(path: Path) -> Document:
    """Read a file; what cannot be read at all becomes the document's complaints (tree None)."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        return _unreadable(None, f"cannot be read: {problem.strerror}")
    if len(raw) > MAX_BYTES:
        return _unreadable(None, "is larger than 1 MiB")
    try:
        return parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        return _unreadable(raw.count(b"\n", 0, problem.start) + 1, "not UTF-8 text")


def parse(text: str) -> Document:
    """YAML with the 1.2 reading of plain values (no sexagesimal numbers, no yes/no), without anchors and tags."""
    try:
        node = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as problem:
        return _unreadable(text.count("\n", 0, problem.position) + 1, "a character that YAML does not allow")
    except yaml.MarkedYAMLError as problem:
        mark = problem.context_mark if _unclosed(problem) else problem.problem_mark
        return _unreadable(mark.line + 1 if mark else None, _kind(problem))
    except RecursionError:
        return _unreadable(None, "is nested too deep")
    if node is None:
        return _unreadable(None, "is empty")
    lines: dict[Place, int] = {}
    complaints: list[Complaint] = []
    tree = _value(node, (), lines, complaints)
    return Document(tree, lines, tuple(complaints))


def _unreadable(line: int | None, text: str) -> Document:
    return Document(None, {}, (Complaint(line, (), text),))


# The reader's own messages quote the text, and the text may be a secret: only their kind is told.
_KINDS = {
    "mapping values are not allowed": "not valid YAML: a `: ` too many (quote the text), or wrong indentation",
    "could not find expected ':'": "not valid YAML: a name without `:`",
    "found character": "not valid YAML: a value begins with a tab or with one of @ ` % (quote it)",
    "found unexpected end of stream": "not valid YAML: a quote that is never closed",
    "found unknown escape character": "not valid YAML: an unknown \\ escape between double quotes",
    "expected <block end>": "not valid YAML: wrong indentation, or text after a closing quote or bracket",
    "expected ',' or": "not valid YAML: a bracket that is never closed, or a missing comma",
    "but found another document": "holds more than one document (`---`)",
    "anchors and tags": "anchors (&), aliases (*) and tags (!) are not read: write the value out, or quote it",
}


def _kind(problem: yaml.MarkedYAMLError) -> str:
    said = problem.problem or ""
    return next((text for start, text in _KINDS.items() if said.startswith(start)), "not valid YAML")


def _unclosed(problem: yaml.MarkedYAMLError) -> bool:
    return (problem.problem or "").startswith("found unexpected end") and problem.context_mark is not None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (as in the base class)

    def compose_node(self, parent: Any, index: Any) -> Any:
        events: Any = super()  # untyped in the stubs
        event = events.peek_event()
        tagged = getattr(event, "tag", None) is not None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None or tagged:
            raise yaml.composer.ComposerError(None, None, "anchors and tags", event.start_mark)
        return events.compose_node(parent, index)


_SURROGATE = re.compile("[\ud800-\udfff]")  # "\\ud800" between double quotes makes one
_TAG = "tag:yaml.org,2002:"
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"-?(0|[1-9][0-9]{0,17})", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?", "-0123456789"),
):
    _Loader.add_implicit_resolver(
        _TAG + _name, re.compile(rf"^(?:{_pattern})$"), [*_first, *([""] * (_name == "null"))]
    )


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], complaints: list[Complaint]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                complaints.append(Complaint(line, place, "a name must be plain text"))
                continue
            name = name_node.value
            if name in found:
                first = lines[(*place, name)]
                complaints.append(Complaint(line, place, f"a name that stands twice (first on line {first})"))
                continue
            lines[(*place, name)] = line
            found[name] = _value(value_node, (*place, name), lines, complaints)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, i), lines, complaints) for i, item in enumerate(node.value)]
    if _SURROGATE.search(node.value):
        complaints.append(Complaint(lines[place], place, "a character that no text can hold"))
        return None
    return _scalar(node)


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text
