"""The table `[limits]`: everything that can grow has one, with a reason.

What others choose is in docs/configuration.md. Bounds catch a wrong unit, not a wrong opinion.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Strict

from ostiary.config.table import Table
from ostiary.config.values import Count, Seconds

# BER lengths of up to 4 octets are read; half of what they can say leaves room to add without overflow.
_MESSAGE_MOST = 2**31 - 1
# Below one page reading would pause at every other message.
_BUFFER_LEAST = 4_096


class Limits(Table):
    """How much clients may take up; octets, counts and seconds."""

    message_bytes_unauthenticated: Annotated[Count, Field(ge=1_024, le=_MESSAGE_MOST)] = 65_536
    """Largest request before a bind that is not anonymous has succeeded; larger ends the connection."""
    message_bytes: Annotated[Count, Field(ge=1_024, le=_MESSAGE_MOST)] = 8_388_608
    """Largest request of a client that has bound."""
    filter_depth: Annotated[Count, Field(ge=1, le=1_000)] = 64
    """How deep a search filter may nest; deeper is answered adminLimitExceeded."""
    filter_nodes: Annotated[Count, Field(ge=1, le=1_000_000)] = 4_096
    """How many parts a search filter may have; more is answered adminLimitExceeded."""
    outstanding_requests: Annotated[Count, Field(ge=1, le=1_000_000)] = 1_024
    """Unanswered requests of one client; at the limit the gateway stops reading, and refuses nothing."""
    buffered_bytes: Annotated[Count, Field(ge=_BUFFER_LEAST, le=2**30)] = 1_048_576
    """Octets that wait for one side of a session before the other side is not read any more."""
    connections: Annotated[Count, Field(ge=1, le=10_000_000)] = 10_000
    """Clients connected at the same time; one more is closed at once."""
    connections_per_address: Annotated[Count, Field(ge=0, le=10_000_000)] = 0
    """Clients connected at the same time from one IP address; 0: no limit."""
    handshake_seconds: Seconds = 10
    """Time for a client's TLS handshake."""
    first_message_seconds: Seconds = 30
    """Time until a client's first whole request."""
    idle_seconds: Seconds = 900
    """Time without traffic and without an unanswered request, after which a client is told and closed."""
    connect_seconds: Seconds = 5
    """Time to connect to one address of a server, TLS included."""
    drain_seconds: Seconds = 30
    """Time that clients have to finish when the gateway is told to stop."""
    drain_delay_seconds: Annotated[float, Strict(), Field(ge=0, le=3_600, allow_inf_nan=False)] = 0
    """Time between not being ready any more and sending new clients away: balancers have to notice."""
