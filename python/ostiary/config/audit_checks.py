"""What is wrong with `[audit]` beyond its values, and what is allowed there but worth knowing.

Looks at the place of an output file, and opens nothing: whether the gateway may write there, only it can tell.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from ostiary.config.addresses import is_loopback
from ostiary.config.audit import Audit
from ostiary.config.audit_output import AuditOutput
from ostiary.config.table import Finding, Loc, until_absent

_LOC: Loc = ("audit",)


def check_audit(audit: Audit | None) -> Iterator[Finding]:
    """Every contradiction in the table, and what keeps its output from being a file."""
    if audit is not None:
        yield from until_absent(_keys_of_collectors(audit))
        yield from until_absent(_output_file(audit))


def _keys_of_collectors(audit: Audit) -> Iterator[Finding]:
    output = audit.output
    if not output.is_syslog and "facility" in audit.model_fields_set:
        yield Finding(
            (*_LOC, "facility"), "only syslog has one; remove it, or write a syslog:// output", audit.facility
        )
    if output.kind != "tls" and "tls" in audit.model_fields_set:
        message = 'no effect without TLS; remove it, or write a "syslog+tls://" output'
        yield Finding((*_LOC, "tls"), message, str(output))


def _output_file(audit: Audit) -> Iterator[Finding]:
    path = audit.output.path
    if audit.output.kind != "file" or path is None:
        return
    loc = (*_LOC, "output")
    try:
        mode = _mode(path)
        directory = _mode(path.parent)
    except OSError as error:
        yield Finding(loc, f"cannot be a file: {(error.strerror or str(error)).lower()}", path)
        return
    if mode is not None and stat.S_ISDIR(mode):
        yield Finding(loc, "a directory; add the name of a file", path)
    elif mode is not None and not stat.S_ISREG(mode):
        yield Finding(loc, 'not a regular file; write the path of one, "stdout", or a syslog output', path)
    elif directory is None:
        yield Finding(loc, "its directory does not exist; create it, writable for the gateway", path)
    elif not stat.S_ISDIR(directory):
        yield Finding(loc, "what it lies in is no directory", path)


def _mode(path: Path) -> int | None:
    """What is there; None when nothing is. Raises: OSError when that cannot be told."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def audit_notices(audit: Audit) -> Iterator[tuple[Loc, str]]:
    """Every notice about a table without faults, but for those about its certificate."""
    yield from _on_the_way(audit.output)
    path = audit.output.path
    if audit.output.kind == "file" and path is not None and path.exists() and path.stat().st_mode & stat.S_IROTH:
        yield (*_LOC, "output"), f"everybody on this machine can read it: {path}"
    if audit.filter_values:
        yield (*_LOC, "filter_values"), "what people search for is recorded, names and numbers of others among it"
    for operation, share in audit.sampling:
        if share < 1:
            yield (*_LOC, "sampling", operation), f"of those that succeed, only this share is recorded: {share:g}"


def _on_the_way(output: AuditOutput) -> Iterator[tuple[Loc, str]]:
    if output.kind not in ("udp", "tcp") or is_loopback(output.host):
        return
    if output.kind == "udp":
        message = "records cross the network in the clear, and those that get lost there are missed by nobody"
    else:
        message = "records cross the network in the clear"
    yield (*_LOC, "output"), f'{message}; a "syslog+tls://" output keeps them: {output}'
