"""Prints the JSON Schema: python -m proxy.config.schema > config/ordergate.schema.json"""

import json

from proxy.config import json_schema


def text() -> str:
    """The content of config/ordergate.schema.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")
