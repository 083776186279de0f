"""`ostiary schema`: the JSON Schema of the configuration file."""

from __future__ import annotations

from ostiary.cli.output import print_json
from ostiary.config import schema as config_schema


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    print_json(config_schema())
