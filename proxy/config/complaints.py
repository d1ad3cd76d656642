"""From pydantic's errors to complaints with a line and a place. No text from the file goes into one."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from proxy.config import fields
from proxy.config.account import AccountForm, BoundAddress, KeyForm, LimitForm, ProxiedAddress
from proxy.config.document import Complaint, Document, Place
from proxy.config.form import Facts, Form
from proxy.config.model import BotForm, FileForm

F = TypeVar("F", bound=Form)

_FORMS = (FileForm, BotForm, AccountForm, KeyForm, LimitForm, BoundAddress, ProxiedAddress)
_FIELDS = sorted({name for form in _FORMS for name in form.model_fields})
_TEXTS = {
    "missing": "is missing",
    "string_type": "must be text (quote a number)",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping (name: value)",
    "model_type": "must be a mapping (name: value)",
}


def judge(form: type[F], document: Document, place: Place, facts: Facts) -> tuple[F | None, list[Complaint]]:
    """The part of the document at `place` as a form, or what is wrong with it."""
    value = document.tree
    for step in place:
        value = value[step]
    errors: list[Any] = []
    try:
        return form.model_validate(value, context=facts), []
    except ValidationError as problem:
        errors.extend(problem.errors(include_input=False, include_url=False))
    return None, [_complaint(error["type"], (*place, *error["loc"]), error["msg"], document) for error in errors]


def render(path: Path, complaints: Iterable[Complaint]) -> list[str]:
    """ "file:line: place: text", in the order of the lines."""
    ordered = sorted(dict.fromkeys(complaints), key=lambda complaint: complaint.line or 0)
    return [": ".join(_parts(path, complaint)) for complaint in ordered]


def _parts(path: Path, complaint: Complaint) -> Iterator[str]:
    yield f"{path}:{complaint.line}" if complaint.line else f"{path}"
    if complaint.place:
        # A name that is not one may be anything, a secret too.
        yield ".".join(s if re.fullmatch(fields.NAME, s) else "?" for s in map(str, complaint.place))
    yield complaint.text


def _complaint(kind: str, loc: Place, message: str, document: Document) -> Complaint:
    place = tuple(step for step in loc if not (isinstance(step, str) and step.startswith(("<", "["))))
    line = document.line(place)
    if kind == "extra_forbidden":
        close = get_close_matches(str(place[-1]), _FIELDS, 1)
        hint = f" (did you mean `{close[0]}`?)" if close else ""
        return Complaint(line, place[:-1], f"a name that does not belong here{hint}")
    if loc[-1:] == ("[key]",):
        place = place[:-1]
    text = _TEXTS.get(kind) or message.removeprefix("Value error, ").replace("Input should", "must")
    return Complaint(line, place, text)
