"""The files of config/: the schema is the model's, and the example is sound."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config import json_schema, load
from proxy.errors import ConfigError

HOUSE = Path(__file__).parents[2]
EXAMPLE = HOUSE / "config" / "ordergate.example.yaml"
SCHEMA = HOUSE / "config" / "ordergate.schema.json"
EXCHANGES = {"binance": ("spot", "usdm", "coinm"), "kraken": ("spot",), "cryptocom": ("api",)}
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
SAID_ONLY = {"description", "default", "$schema", "title", "$defs", "format"}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value fits the part of JSON Schema that ours uses; an unknown keyword is an error of this test."""
    tests: dict[str, Any] = {
        "$ref": lambda ref: fits(value, root["$defs"][ref.removeprefix("#/$defs/")], root),
        "type": lambda name: isinstance(value, TYPES[name]) and (name == "boolean") == isinstance(value, bool),
        "oneOf": lambda forms: sum(fits(value, form, root) for form in forms) == 1,
        "anyOf": lambda forms: any(fits(value, form, root) for form in forms),
        "enum": lambda allowed: value in allowed,
        "const": lambda only: value == only,
        "items": lambda form: not isinstance(value, list) or all(fits(item, form, root) for item in value),
        "required": lambda names: set(names) <= set(value),
        "properties": lambda forms: all(fits(v, forms[k], root) for k, v in value.items() if k in forms),
        "patternProperties": lambda forms: all(
            fits(v, form, root) for pattern, form in forms.items() for k, v in value.items() if re.search(pattern, k)
        ),
        "additionalProperties": lambda form: all(
            form is not False and fits(v, form, root)
            for k, v in value.items()
            if k not in schema.get("properties", {})
            and not any(re.search(pattern, k) for pattern in schema.get("patternProperties", {}))
        ),
        "propertyNames": lambda form: all(fits(name, form, root) for name in value),
        "minProperties": lambda least: len(value) >= least,
        "maxProperties": lambda most: len(value) <= most,
        "minItems": lambda least: len(value) >= least,
        "maxItems": lambda most: len(value) <= most,
        "minLength": lambda least: len(value) >= least,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "exclusiveMinimum": lambda under: value > under,
    }
    kind = schema.get("type")
    if kind is not None and not tests["type"](kind):
        return False
    return all(tests[keyword](rule) for keyword, rule in schema.items() if keyword not in SAID_ONLY)


def plain(path: Path) -> Any:
    return yaml.load(path.read_text(), yaml.BaseLoader)


def example() -> Any:
    """The example with the values that the schema wants as numbers and truths."""

    def typed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: typed(item) for name, item in value.items()}
        if isinstance(value, list):
            return [typed(item) for item in value]
        return json.loads(value) if re.fullmatch(r"true|false|[0-9]+(\.[0-9]+)?", value) else value

    return typed(plain(EXAMPLE))


def secret_paths(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        here = [tree["file"]] if isinstance(tree.get("file"), str) else []
        return here + [path for item in tree.values() for path in secret_paths(item)]
    return []


def test_the_checked_in_schema_is_the_models() -> None:
    command = [sys.executable, "-m", "proxy.config.schema"]
    written = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    assert SCHEMA.read_text() == written, "run: python -m proxy.config.schema > config/ordergate.schema.json"
    assert json.loads(written) == json_schema()


def test_the_example_fits_the_schema() -> None:
    assert fits(example(), json_schema(), json_schema())


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ((), "ledgr", "memory"),
        (("accounts",), "dotted.name", {}),
        (("bots", "dummy-grid"), "share", 0),
        (("bots", "dummy-grid"), "token", {"file": "a", "env": "b"}),
        (("bots", "dummy-grid"), "token", "dummy-token"),
        (("accounts", "cryptocom-sub"), "addresses", ["203.0.113.1"] * 21),
        (("accounts", "cryptocom-sub"), "keys", {}),
        (("accounts", "cryptocom-sub"), "allow_withdrawals", "yes"),
    ],
)
def test_the_schema_refuses(part: tuple[str, ...], name: str, value: Any) -> None:
    tree = example()
    at = tree
    for step in part:
        at = at[step]
    at[name] = value
    assert not fits(tree, json_schema(), json_schema())


def test_the_example_loads_with_dummy_secrets(tmp_path: Path) -> None:
    path = tmp_path / "ordergate.yaml"
    path.write_text(EXAMPLE.read_text())
    (tmp_path / "secrets").mkdir(0o700)
    for name in secret_paths(plain(EXAMPLE)):
        secret = tmp_path / name
        secret.touch(0o600)
        secret.write_text(f"dummy text of {secret.name}".replace(" ", "-") + "\n")
    config = load(path, EXCHANGES, {})
    assert set(config.accounts) == {"binance-main", "kraken-main", "cryptocom-sub"}
    assert set(config.bots) == {"dummy-grid", "dummy-watcher"}


def test_the_example_lacks_nothing_but_its_secret_files(tmp_path: Path) -> None:
    path = tmp_path / "ordergate.yaml"
    path.write_text(EXAMPLE.read_text())
    with pytest.raises(ConfigError) as caught:
        load(path, EXCHANGES, {})
    assert all("there is no such file" in complaint for complaint in caught.value.complaints)
    assert len(caught.value.complaints) == len(secret_paths(plain(EXAMPLE)))


def test_the_example_shows_every_setting_and_calls_its_values_dummies() -> None:
    text = EXAMPLE.read_text()
    schema = json_schema()
    forms = [schema, *schema["$defs"].values()]
    missing = {name for form in forms for name in form["properties"] if f"{name}:" not in text}
    assert missing == set()
    assert all("dummy" in path for path in secret_paths(plain(EXAMPLE)))
