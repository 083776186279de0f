"""The table `[audit]`: its faults with their key paths, what is worth knowing, and the plan that comes of it."""

from __future__ import annotations

import json
import pickle
import socket
from pathlib import Path

import pytest

from ostiary.audit import AuditPlan, SinkPlan, audit_plan
from ostiary.config import Config
from ostiary.config.audit_output import AuditOutput
from ostiary.config.meaning import meaning
from ostiary.config.notices import notices

from .files import VALID, faults

CLIENT = 'certificate = "client.crt", key = "client.key"'


def audit(text: str) -> str:
    """A valid file with this in `[audit]`."""
    return f"{VALID}\n[audit]\n{text}\n"


def plan_of(text: str, directory: Path) -> AuditPlan:
    config = Config.from_toml(audit(text), directory)
    assert config.audit is not None
    return audit_plan(config.audit)


def noticed(text: str, directory: Path) -> dict[str, str]:
    return {each.path: each.message for each in notices(Config.from_toml(audit(text), directory))}


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("stdout", AuditOutput("stdout")),
        ("audit.log", AuditOutput("file", path=Path("/etc/ostiary/audit.log"))),
        ("./stdout", AuditOutput("file", path=Path("/etc/ostiary/stdout"))),
        ("/var/log/audit.log", AuditOutput("file", path=Path("/var/log/audit.log"))),
        ("syslog://logs.example", AuditOutput("udp", "logs.example", 514)),
        ("syslog://[2001:db8::1]:5140/", AuditOutput("udp", "2001:db8::1", 5140)),
        ("syslog+tcp://10.0.0.1", AuditOutput("tcp", "10.0.0.1", 601)),
        ("syslog+tls://logs.example", AuditOutput("tls", "logs.example", 6514)),
        ("syslog+unix:///dev/log", AuditOutput("unix", path=Path("/dev/log"))),
    ],
)
def test_an_output_is_read_and_written_back(text: str, output: AuditOutput) -> None:
    assert AuditOutput.parse(text, Path("/etc/ostiary")) == output
    assert AuditOutput.parse(str(output), Path("/")) == output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an output; write"),
        ("Stdout", "not an output; write"),
        ("stderr", "not an output; write"),
        ("-", "not an output; write"),
        ("syslog", "not an output; write"),
        ("syslog+tcp:logs.example", "not an output; write"),
        ("udp://logs.example", "unknown kind of output; write"),
        ("SYSLOG://logs.example", "unknown kind of output; write"),
        ("syslog://", 'not a host name or ip address; write "syslog://host:514"'),
        ("syslog+tls://logs.example:0", 'the port is not a number from 1 to 65535; write "syslog+tls://host:6514"'),
        ("syslog+tcp://logs.example/x", 'only host and port belong here; write "syslog+tcp://host:601"'),
        ("syslog+tcp://u@logs.example", 'only host and port belong here; write "syslog+tcp://host:601"'),
        ("syslog+unix://dev/log", 'not the path of a socket; write "syslog+unix:///dev/log"'),
        (f"syslog+unix:///{'x' * 120}", "the socket path is longer than the 107 octets"),
    ],
)
def test_what_is_no_output_is_told_with_the_way_to_write_one(text: str, message: str, certificates: Path) -> None:
    told = faults(audit(f'output = "{text}"'), certificates)
    assert list(told) == ["audit.output"]
    assert told["audit.output"].startswith(message)


def test_an_output_file_needs_a_place(certificates: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, message in {
        tmp_path: "a directory; add the name of a file",
        tmp_path / "nowhere" / "audit.log": "its directory does not exist; create it, writable for the gateway",
        tmp_path / "file" / "audit.log": "cannot be a file: not a directory",
        Path("/dev/null"): 'not a regular file; write the path of one, "stdout", or a syslog output',
        tmp_path / ("x" * 300): "cannot be a file: file name too long",
    }.items():
        told = faults(audit(f'output = "{path}"'), certificates)
        assert list(told) == ["audit.output"]
        assert told["audit.output"].startswith(f"{message}: "), told
    assert faults(audit(f'output = "{tmp_path / "file"}"'), certificates) == {}


def test_every_fault_of_the_table_is_told_at_once(certificates: Path) -> None:
    text = """
    output = "syslog+tls://logs.example:x"
    format = "xml"
    filter_values = "yes"
    secret_attributes = ["employeeNumber", "a b", "cn;lang-de", 3, "", "2.5.4.3"]
    sampling = { search = 1.5, compare = -0.1, bind = 0.5 }
    buffer_bytes = 1_000
    facility = "local9"
    tls = { ca = "nowhere.pem", verify_name = "a b", certificate = "client.crt", key = "server.key", mode = "tls" }
    colour = "red"
    """
    told = faults(audit(text), certificates)
    assert list(told) == [
        "audit.output", "audit.format", "audit.filter_values",
        "audit.secret_attributes[1]", "audit.secret_attributes[2]", "audit.secret_attributes[3]",
        "audit.secret_attributes[4]",
        "audit.sampling.search", "audit.sampling.compare", "audit.sampling.bind",
        "audit.buffer_bytes", "audit.facility",
        "audit.tls.ca", "audit.tls.verify_name", "audit.tls.key", "audit.tls.mode", "audit.colour",
    ]  # fmt: skip
    assert told["audit.secret_attributes[1]"] == 'not an attribute; write "employeeNumber" or its OID: "a b"'
    assert told["audit.secret_attributes[2]"] == 'without options: all of an attribute\'s are secret: "cn;lang-de"'
    assert told["audit.sampling.search"] == "must be at most 1: 1.5"
    assert told["audit.sampling.compare"] == "must be at least 0: -0.1"
    assert told["audit.buffer_bytes"] == "must be at least 65_536: 1000"
    assert told["audit.facility"].endswith('or "local7"; did you mean local7?: "local9"')
    assert told["audit.tls.ca"].startswith("not readable: no such file or directory: ")
    assert told["audit.tls.key"].startswith("does not belong to the certificate in client.crt: ")


@pytest.mark.parametrize("output", ["stdout", "audit.log", "syslog://h", "syslog+tcp://h", "syslog+unix:///dev/log"])
def test_tls_needs_an_output_that_has_it(output: str, certificates: Path) -> None:
    told = faults(audit(f'output = "{output}"\ntls = {{ ca = "ca.pem" }}'), certificates)
    assert list(told) == ["audit.tls"]
    assert told["audit.tls"].startswith('no effect without TLS; remove it, or write a "syslog+tls://" output: ')


@pytest.mark.parametrize("output", ["stdout", "audit.log"])
def test_a_facility_needs_syslog(output: str, certificates: Path) -> None:
    told = faults(audit(f'output = "{output}"\nfacility = "local0"'), certificates)
    assert told == {"audit.facility": 'only syslog has one; remove it, or write a syslog:// output: "local0"'}


def test_a_key_without_its_certificate_has_no_effect(certificates: Path) -> None:
    told = faults(audit('output = "syslog+tls://h"\ntls = { ca = "ca.pem", key = "client.key" }'), certificates)
    assert told == {"audit.tls.key": "no effect without certificate; remove it or add certificate"}


@pytest.mark.parametrize("text", ["audit = 1", 'audit = "stdout"', "audit = []"])
def test_the_table_is_one(text: str, certificates: Path) -> None:
    assert list(faults(f"{text}\n{VALID}", certificates)) == ["audit"]


def test_without_the_table_there_is_no_audit(certificates: Path) -> None:
    assert Config.from_toml(VALID, certificates).audit is None
    empty = Config.from_toml(audit(""), certificates).audit
    assert empty is not None
    assert (str(empty.output), empty.format) == ("stdout", "json")


def test_the_core_is_told_what_the_table_says(certificates: Path) -> None:
    text = (
        'output = "syslog://localhost"\nformat = "ecs"\nfilter_values = true\nfacility = "local3"\n'
        'secret_attributes = ["employeeNumber"]\nsampling = { search = 0.25 }\nbuffer_bytes = 100_000'
    )
    made = plan_of(text, certificates)
    assert json.loads(made.core) == {
        "format": "ecs",
        "filter_values": True,
        "secret_attributes": ["employeeNumber"],
        "sampling": {"search": 0.25, "compare": 1.0},
        "buffer_bytes": 100_000,
        "syslog": {"facility": 19, "hostname": socket.gethostname(), "framed": True},
    }
    assert made.sink == SinkPlan("udp", "syslog://localhost:514", host="localhost", port=514)
    assert made.buffer_bytes == 100_000


@pytest.mark.parametrize("output", ["stdout", "audit.log"])
def test_lines_have_no_syslog_around_them(output: str, certificates: Path) -> None:
    assert json.loads(plan_of(f'output = "{output}"', certificates).core)["syslog"] is None


@pytest.mark.parametrize(
    ("name", "told"), [("gw1.example.org", "gw1.example.org"), ("", "-"), ("gw 1", "-"), ("gü", "-")]
)
def test_a_host_has_a_name_that_syslog_can_say(
    name: str, told: str, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert json.loads(plan_of('output = "syslog://localhost"', certificates).core)["syslog"]["hostname"] == told


def test_a_plan_has_its_certificates_read_and_shows_no_key(certificates: Path) -> None:
    made = plan_of(f'output = "syslog+tls://logs.example"\ntls = {{ ca = "ca.pem", {CLIENT} }}', certificates)
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    tls = made.sink.tls
    assert tls is not None
    assert tls.verify_name == "logs.example"
    assert len(tls.authorities) == len(tls.chain) == 1
    assert tls.key != b""
    assert repr(tls.key) not in repr(made)
    named = plan_of('output = "syslog+tls://10.0.0.1"\ntls = { ca = "ca.pem", verify_name = "logs" }', certificates)
    assert named.sink.tls is not None
    assert (named.sink.tls.verify_name, named.sink.tls.chain, named.sink.tls.key) == ("logs", (), b"")


def test_an_encrypted_key_needs_its_password(certificates: Path) -> None:
    pair = 'certificate = "encrypted/client.crt", key = "encrypted/client.key"'
    start = 'output = "syslog+tls://logs.example"\ntls = { ca = "encrypted/ca.pem", '
    assert list(faults(audit(f"{start}{pair} }}"), certificates)) == ["audit.tls.password_file"]
    tls = plan_of(f'{start}{pair}, password_file = "password" }}', certificates).sink.tls
    assert tls is not None
    assert tls.key != b""


def test_weak_choices_are_noticed(certificates: Path, tmp_path: Path) -> None:
    assert noticed('output = "syslog+tls://logs.example"', certificates) == {}
    assert noticed('output = "syslog://localhost"', certificates) == {}
    told = noticed('output = "syslog://logs.example"', certificates)
    assert told["audit.output"].startswith("records cross the network in the clear, and those that get lost")
    told = noticed('output = "syslog+tcp://logs.example"', certificates)
    assert told["audit.output"].startswith("records cross the network in the clear; ")
    told = noticed("filter_values = true\nsampling = { search = 0.1, compare = 1 }", certificates)
    assert told == {
        "audit.filter_values": "what people search for is recorded, names and numbers of others among it",
        "audit.sampling.search": "of those that succeed, only this share is recorded: 0.1",
    }
    path = tmp_path / "audit.log"
    path.touch(0o644)
    path.chmod(0o644)
    assert noticed(f'output = "{path}"', certificates) == {
        "audit.output": f"everybody on this machine can read it: {path}"
    }


def test_the_meaning_says_what_is_recorded_and_what_is_not(certificates: Path) -> None:
    def told(text: str) -> str:
        words = meaning(Config.from_toml(text, certificates))
        return " / ".join(sentence for each in words if each.title == "audit" for sentence in each.sentences)

    assert told(VALID) == ""
    assert (
        told(audit("")) == "records every operation and connection as json to stdout / leaves out the values in filters"
    )
    text = 'output = "syslog+tls://logs"\nfilter_values = true\nsampling = { search = 0.01 }\ntls = { ca = "ca.pem" }'
    assert told(audit(text)) == (
        "records every operation and connection as json to syslog+tls://logs:6514"
        " / of each search that succeeds, records the share 0.01 / records the values in filters"
        f" / trusts a collector named logs by {certificates / 'ca.pem'}"
    )


def test_a_key_that_everybody_can_read_is_noticed(tmp_path: Path, certificates: Path) -> None:
    from ostiary.tls import throwaway_authority

    throwaway_authority(tmp_path, valid_days=300)
    assert noticed(f'output = "syslog+tls://h"\ntls = {{ ca = "{tmp_path}/ca.pem" }}', certificates) == {}
    (tmp_path / "client.key").chmod(0o644)
    tls = f'{{ ca = "{tmp_path}/ca.pem", certificate = "{tmp_path}/client.crt", key = "{tmp_path}/client.key" }}'
    told = noticed(f'output = "syslog+tls://h"\ntls = {tls}', certificates)
    assert list(told) == ["audit.tls.key"]
