"""The table `[audit]`: where the record of every operation goes, in which form, and what it may say.

Values by themselves; what they mean together is in `audit_checks`. Opens nothing, and knows no record.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ostiary.config.audit_output import AuditOutput
from ostiary.config.listeners import IdentityFiles
from ostiary.config.table import Table
from ostiary.config.values import Bool, Count, FilePath, Host, directory_of

AuditFormat = Literal["json", "ecs", "cef"]
Facility = Literal[
    "user", "daemon", "auth", "authpriv", "audit",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip

# RFC 4512, section 1.4: keystring or numericoid; with the underscore that many directories have.
_ATTRIBUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*|(?:OID\.)?\d+(?:\.\d+)+)\Z", re.IGNORECASE)
# A batch is what comes in a tenth of a second: below this, a burst of traffic would be lost with a sink that is well.
_BUFFER_LEAST = 65_536


def _output(value: object, info: ValidationInfo) -> AuditOutput:
    if isinstance(value, AuditOutput):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected text in quotes")
    return AuditOutput.parse(value, directory_of(info))


def _attribute(value: str) -> str:
    if ";" in value:
        raise ValueError("without options: all of an attribute's are secret")
    if not _ATTRIBUTE.match(value):
        raise ValueError('not an attribute; write "employeeNumber" or its OID')
    return value


Output = Annotated[
    AuditOutput,
    PlainValidator(_output),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": "stdout, the path of a file, or the URL of a syslog collector"}),
]
SecretAttribute = Annotated[StrictStr, AfterValidator(_attribute)]
Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]


class AuditTls(IdentityFiles):
    """The TLS that a collector is spoken to with; its certificate is always verified."""

    # Python's ssl does it: a collector is no business of sessions.
    engine: ClassVar[Literal["openssl"]] = "openssl"

    ca: FilePath | None = None
    """PEM or DER file with the authorities to trust; when omitted, those of the system."""
    verify_name: Host | None = None
    """The name in the collector's certificate, when it is not the host of `output`; sent as SNI too."""


class AuditSampling(Table):
    """The share of reads that is recorded where they succeed; everything else always is."""

    search: Share = 1.0
    """Of searches that succeed, from 0 to 1."""
    compare: Share = 1.0
    """Of compares that are answered with true or false, from 0 to 1."""


class Audit(Table):
    """The record of every operation; without this table there is none."""

    output: Output = AuditOutput("stdout")
    """Where records go: "stdout", the path of a file, or "syslog://", "syslog+tcp://", "syslog+tls://" with a host,
    or "syslog+unix://" with the path of a socket."""
    format: AuditFormat = "json"
    """How a record is written: "json", "ecs" (Elastic Common Schema, as JSON) or "cef" (ArcSight)."""
    filter_values: Bool = False
    """Whether the values in filters and compares are recorded; otherwise each is a `?`."""
    secret_attributes: tuple[SecretAttribute, ...] = ()
    """Attributes whose values are never recorded, on top of those that hold passwords."""
    sampling: AuditSampling = AuditSampling()
    """The share of reads that is recorded where they succeed."""
    buffer_bytes: Annotated[Count, Field(ge=_BUFFER_LEAST, le=2**30)] = 4_194_304
    """Octets of records that wait for a slow output in each process before further ones are lost, and counted."""
    facility: Facility = "authpriv"
    """The syslog facility of records."""
    tls: AuditTls = AuditTls()
    """The TLS towards a collector of "syslog+tls://"."""
