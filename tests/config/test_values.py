"""Values by themselves: defaults, types, addresses, URLs, the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.config import Address, Config, ServerUrl, load
from ostiary.errors import ConfigError

from .files import LISTENER, VALID, faults, listener, upstream


def test_defaults_are_those_of_the_reference(certificates: Path) -> None:
    config = Config.from_toml(VALID, certificates)
    (front,), (back,) = config.listeners, config.upstreams
    assert config.workers == 1
    assert front.require_tls == "all"
    assert front.tls.client_auth == "none"
    assert front.tls.min_version == "1.2"
    assert front.sasl_security_layers == "refuse"
    assert not any((front.allow_unauthenticated_bind, front.allow_ldapv2, front.allow_sicily))
    assert back.tls.verify
    assert back.tls.engine == "rustls"
    assert back.servers[0] == ServerUrl("ldap", "dc1.corp.example", 389)
    assert back.servers[1].port == 3389
    assert config.upstream("directory") is back
    limits = config.limits.model_dump()
    assert limits == {
        "message_bytes_unauthenticated": 65_536,
        "message_bytes": 8_388_608,
        "filter_depth": 64,
        "filter_nodes": 4_096,
        "outstanding_requests": 1_024,
        "buffered_bytes": 1_048_576,
        "connections": 10_000,
        "connections_per_address": 0,
        "handshake_seconds": 10,
        "first_message_seconds": 30,
        "idle_seconds": 900,
        "connect_seconds": 5,
        "drain_seconds": 30,
        "drain_delay_seconds": 0,
    }


def test_relative_paths_start_at_the_files_directory(certificates: Path) -> None:
    config = Config.from_toml(listener(address='"unix:run/ldapi"'), certificates)
    assert config.listeners[0].tls.certificate == certificates / "server.crt"
    assert config.listeners[0].address.path == certificates / "run/ldapi"
    assert config.listeners[0].socket_mode == "0660"
    assert config.upstreams[0].tls.ca == certificates / "ca.pem"


def test_configuration_cannot_be_changed(certificates: Path) -> None:
    config = Config.from_toml(VALID, certificates)
    with pytest.raises(ValueError, match="frozen"):
        config.limits.connections = 1


@pytest.mark.parametrize(("mode", "expected"), [("starttls", "all"), ("none", "off"), ("ldaps", "all")])
def test_require_tls_defaults_by_mode(certificates: Path, mode: str, expected: str) -> None:
    files = "" if mode == "none" else ', certificate = "server.crt", key = "server.key"'
    config = Config.from_toml(listener(tls=f'{{ mode = "{mode}"{files} }}'), certificates)
    assert config.listeners[0].require_tls == expected


def test_upstream_mode_follows_the_urls(certificates: Path) -> None:
    encrypted = Config.from_toml(upstream(servers='["ldaps://a", "LDAPS://b:1"]'), certificates)
    assert encrypted.upstreams[0].tls.mode == "ldaps"
    with_table = upstream(servers='["ldaps://a"]', tls='{ ca = "ca.pem" }')
    assert Config.from_toml(with_table, certificates).upstreams[0].tls.mode == "ldaps"
    assert Config.from_toml(upstream(), certificates).upstreams[0].tls.mode == "none"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:636", Address("0.0.0.0", 636)),
        ("[::]:636", Address("::", 636)),
        ("[0:0::1]:0", Address("::1", 0)),
        ("unix:/run/x", Address(path=Path("/run/x"))),
    ],
)
def test_address_is_read(text: str, expected: Address) -> None:
    address = Address.parse(text)
    assert address == expected
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "636", ":636", "*:636", "localhost:636", "::1:636", "0.0.0.0", "0.0.0.0:", "0.0.0.0:65536",
     "0.0.0.0:-1", "0.0.0.0:٣", "[1.2.3.4]:1", "[::1]", "unix:", "1.2.3.4:636\n", "unix:/" + "x" * 107],
)  # fmt: skip
def test_address_that_is_none_is_refused(certificates: Path, text: str) -> None:
    text = text.replace("\n", "\\n")
    assert list(faults(listener(address=f'"{text}"'), certificates)) == ["listeners[0].address"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ldap://host", ServerUrl("ldap", "host", 389)),
        ("ldaps://host/", ServerUrl("ldaps", "host", 636)),
        ("LDAP://my_host.corp.example.:1389", ServerUrl("ldap", "my_host.corp.example", 1389)),
        ("ldap://[2001:db8::1]:3389", ServerUrl("ldap", "2001:db8::1", 3389)),
        ("ldap://192.0.2.1", ServerUrl("ldap", "192.0.2.1", 389)),
        ("ldapi://%2Frun%2Fslapd%2Fldapi", ServerUrl("ldapi", path=Path("/run/slapd/ldapi"))),
    ],
)
def test_server_url_is_read(text: str, expected: ServerUrl) -> None:
    url = ServerUrl.parse(text)
    assert url == expected
    assert ServerUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    ["", "host:389", "http://host", "ldap://", "ldap://host:0", "ldap://host:x", "ldap://host/dc=x",
     "ldap://a b", "ldap://host?x", "ldap://user@host", "ldap://1.2.3.400", "ldap://[::1", "ldap://-a",
     "ldapi://", "ldapi://x"],
)  # fmt: skip
def test_server_url_that_is_none_is_refused(certificates: Path, text: str) -> None:
    told = faults(upstream(servers=f'["ldap://good", "{text}"]'), certificates)
    assert list(told) == ["upstreams[0].servers[1]"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ('connections = "many"', 'expected a whole number: "many"'),
        ("connections = true", "expected a whole number: true"),
        ("connections = 1.5", "expected a whole number: 1.5"),
        ("connections = 0", "must be at least 1: 0"),
        ("filter_depth = 100000", "must be at most 1_000: 100000"),
        ("idle_seconds = false", "expected a number: false"),
        ("idle_seconds = nan", "expected a number: nan"),
        ("idle_seconds = 900000", "must be at most 86_400: 900000"),
        ("drain_seconds = 0", "must be at least 0.01: 0"),
    ],
)
def test_limit_out_of_bounds_is_told(certificates: Path, limit: str, message: str) -> None:
    told = faults(f"{VALID}[limits]\n{limit}\n", certificates)
    assert told == {f"limits.{limit.split()[0]}": message}


def test_seconds_may_be_fractions(certificates: Path) -> None:
    config = Config.from_toml(f"{VALID}[limits]\nidle_seconds = 0.5\n", certificates)
    assert config.limits.idle_seconds == 0.5


def test_environment_fills_in_any_text(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "7777")
    monkeypatch.setenv("HOST", "dc9")
    text = listener(address='"127.0.0.1:${env:PORT}"').replace("dc1.", "${env:HOST}.")
    config = Config.from_toml(text, certificates)
    assert config.listeners[0].address.port == 7777
    assert config.upstreams[0].servers[0].host == "dc9.corp.example"


def test_missing_variable_is_named_and_nothing_else_is_told_of_it(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    told = faults(listener(upstream='"${env:NOWHERE}"', address='"x${env:9}"'), certificates)
    assert told == {
        "listeners[0].upstream": "the environment variable is not set: NOWHERE",
        "listeners[0].address": 'not the name of an environment variable: "x${env:9}"',
    }


def test_value_from_the_environment_is_never_told(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    keys = {
        "name": '"${env:SECRET} "',
        "address": '"${env:SECRET}"',
        "tls": '{ mode = "${env:SECRET}", certificate = "${env:SECRET}", password_file = "${env:SECRET}" }',
        "upstream": '"${env:SECRET}"',
        "require_tls": '"${env:SECRET}"',
    }
    told = faults(listener(**keys), certificates)
    assert len(told) >= 6
    assert "hunter2" not in str(told)
    assert "${env:SECRET}" in told["listeners[0].upstream"]


def test_password_is_never_shown(certificates: Path) -> None:
    pair = 'certificate = "encrypted/server.crt", key = "encrypted/server.key"'
    tls = f'{{ mode = "ldaps", {pair}, password = %s }}'
    config = Config.from_toml(listener(tls=tls % '"open sesame"'), certificates)
    assert "open sesame" not in repr(config) + str(config.model_dump(mode="json"))
    told = faults(listener(tls=tls % '["open sesame"]'), certificates)
    assert told == {"listeners[0].tls.password": "expected text in quotes"}
    assert faults(listener(tls=tls % '""'), certificates) == {"listeners[0].tls.password": "the password is empty"}


def test_syntax_error_has_line_and_column(certificates: Path) -> None:
    assert faults("workers = 1\nname = x\n", certificates)[""] == "not toml: invalid value (at line 2, column 8)"
    assert "at line 2, column 11, the end" in faults('workers = 1\nname = "xyz', certificates)[""]


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not readable: .*no such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    with pytest.raises(ConfigError, match="not utf-8 at octet 8"):
        load(tmp_path / "latin.toml")


def test_load_resolves_paths_by_the_file(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (certificates / "ostiary.toml").write_text(VALID)
    monkeypatch.chdir(certificates.parent)
    config = load(Path(certificates.name) / "ostiary.toml")
    assert config.listeners[0].tls.key == certificates / "server.key"


def test_empty_file_names_what_is_missing(certificates: Path) -> None:
    assert faults("", certificates) == {
        "listeners": "missing; at least one [[listeners]] table is needed",
        "upstreams": "missing; at least one [[upstreams]] table is needed",
    }
    assert LISTENER
