"""Audit records on their way out: from the core's buffer, in batches, to a file, stdout or a syslog collector.

What a record says, the core decides; here it is octets. Light to import: a worker loads the sink that its plan
names, and `ssl` for TLS alone.
"""

from ostiary.audit.plan import AuditPlan, CollectorTls, SinkPlan, audit_plan
from ostiary.audit.writer import AuditWriter

__all__ = ["AuditPlan", "AuditWriter", "CollectorTls", "SinkPlan", "audit_plan"]
