"""A real rsyslog that keeps what it has parsed as JSON, by UDP, TCP, TLS and a unix socket, on free ports.

It runs in the foreground as a child with a configuration of its own, and touches nothing of the machine's.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostiary.tls import ThrowawayFiles

from ..real.process import Process
from ..real.raw_client import Address, free_address

RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
GNUTLS = "lmnsd_gtls.so"
WAIT_SECONDS = 20.0

_CONFIGURATION = """
global(workDirectory="{home}" maxMessageSize="16k"
    defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{tls.ca}"
    defaultNetstreamDriverCertFile="{tls.server_certificate}" defaultNetstreamDriverKeyFile="{tls.server_key}")
main_queue(queue.size="200000")
module(load="imudp") module(load="imptcp") module(load="imuxsock" sysSock.use="off")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
template(name="parsed" type="list" option.jsonf="on") {{
    property(outname="priority" name="pri" format="jsonf")
    property(outname="version" name="protocol-version" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="program" name="app-name" format="jsonf")
    property(outname="kind" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="record" name="msg" format="jsonf")
    property(outname="came_by" name="inputname" format="jsonf")
}}
ruleset(name="kept") {{ action(type="omfile" file="{home}/kept.json" template="parsed") }}
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="kept" name="udp" rcvbufSize="8m")
input(type="imptcp" address="127.0.0.1" port="{tcp}" ruleset="kept" name="tcp")
input(type="imtcp" address="127.0.0.1" port="{tls_port}" ruleset="kept" name="tls")
input(type="imuxsock" socket="{home}/log" useSpecialParser="off" ignoreTimestamp="off" ruleset="kept")
"""


def missing() -> str | None:
    """What this machine lacks, and the package that brings it."""
    if not Path(RSYSLOGD).exists():
        return "rsyslogd is absent: apt-get install rsyslog"
    if not any(Path("/usr/lib").glob(f"*/rsyslog/{GNUTLS}")):
        return "rsyslog speaks no TLS: apt-get install rsyslog-gnutls"
    return None


@dataclass
class Collector:
    """An rsyslog, running or not; its addresses stay the same."""

    home: Path
    udp: int
    tcp: Address
    tls: Address
    process: Process | None = None

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.home / "log"

    def start(self) -> None:
        """Starts it, and returns once it listens everywhere."""
        command = [RSYSLOGD, "-n", "-f", str(self.home / "rsyslog.conf"), "-i", str(self.home / "pid")]
        self.process = Process(command, self.home / "rsyslog.log")
        # UDP and the unix socket are open before any listener accepts.
        self.process.await_listening(self.tcp, self.tls)

    def stop(self) -> None:
        """Ends it; what it has received is then in its file."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kept(self, count: int) -> list[dict[str, Any]]:
        """Everything it has parsed, once there are so many, or nothing has come for a while."""
        deadline = time.monotonic() + WAIT_SECONDS
        path = self.home / "kept.json"
        while time.monotonic() < deadline and (not path.exists() or path.read_bytes().count(b"\n") < count):
            time.sleep(0.05)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def collector(home: Path, tls: ThrowawayFiles) -> Collector:
    """A collector that is not started yet."""
    home.mkdir(parents=True)
    made = Collector(home, free_address().port, free_address(), free_address())
    text = _CONFIGURATION.format(home=home, tls=tls, udp=made.udp, tcp=made.tcp.port, tls_port=made.tls.port)
    (home / "rsyslog.conf").write_text(text)
    return made
