"""The table `[tracing]`: where spans go, and how many of them. Without the table there are none.

Knows no span. The libraries that make and send them come with the extra `otel`, and are looked for here, not loaded.
"""

from __future__ import annotations

import importlib.util
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Strict, StrictStr

from ostiary.config.table import Table

_LIBRARIES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_HINT = 'write "http://collector:4318/v1/traces"'


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_known = False
    if not is_known or not text.isprintable() or " " in text:
        raise ValueError(f"not an http or https url; {_HINT}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no secret belongs into a url; set OTEL_EXPORTER_OTLP_HEADERS in the environment")
    if parts.query or parts.fragment or parts.path in ("", "/"):
        raise ValueError(f"the path of the receiver belongs here, and nothing behind it; {_HINT}")
    return text


Endpoint = Annotated[StrictStr, AfterValidator(_endpoint)]
Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]


class Tracing(Table):
    """Spans of a share of the operations, sent by OpenTelemetry's protocol (OTLP over HTTP)."""

    endpoint: Endpoint
    """URL that spans are posted to: a collector's `/v1/traces`."""
    sample: Share = 0.01
    """Share of the operations that get a span, from 0 to 1."""


def is_installed() -> bool:
    """Whether the libraries of the extra `otel` are there."""
    try:
        return all(importlib.util.find_spec(each) is not None for each in _LIBRARIES)
    except ModuleNotFoundError:
        return False  # what holds them is absent too
