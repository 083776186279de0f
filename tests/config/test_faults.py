"""Faults: unknown keys, contradictions, files; all of a file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.config import Config
from ostiary.errors import ConfigError

from .files import LISTENER, UPSTREAM, VALID, faults, listener, upstream

TLS = 'certificate = "server.crt", key = "server.key"'


def test_six_different_faults_are_told_at_once(certificates: Path) -> None:
    text = """
    workers = 0
    [[listeners]]
    name = "front"
    address = "0.0.0.0"
    tls = { mode = "ldaps", certificate = "server.crt", key = "nowhere.key" }
    require_tl = "all"
    upstream = "dictionary"
    [[upstreams]]
    name = "directory"
    servers = ["ldap://dc1", "ldaps://dc2"]
    tls = { mode = "starttls", min_version = "1.0" }
    [limits]
    connections = "many"
    """
    with pytest.raises(ConfigError) as raised:
        Config.from_toml(text, certificates)
    assert [fault.path for fault in raised.value.faults] == [
        "workers",
        "listeners[0].address",
        "listeners[0].tls.key",
        "listeners[0].require_tl",
        "listeners[0].upstream",
        "upstreams[0].servers[1]",
        "upstreams[0].tls.min_version",
        "limits.connections",
    ]
    told = {fault.path: fault.message for fault in raised.value.faults}
    assert told["workers"] == 'write "auto" or a number from 1 to 256: 0'
    assert told["listeners[0].tls.key"].startswith("not readable: no such file or directory: /")
    assert told["listeners[0].require_tl"] == "unknown key; did you mean require_tls?"
    assert told["listeners[0].upstream"] == 'no upstream of this name; did you mean directory?: "dictionary"'


@pytest.mark.parametrize("key", ["metrics = {}", "nonsense = 1"])
def test_key_of_another_version_is_unknown(certificates: Path, key: str) -> None:
    assert faults(f"{key}\n{VALID}", certificates) == {key.split()[0]: "unknown key"}


def test_key_of_another_version_in_a_listener_is_unknown(certificates: Path) -> None:
    told = faults(listener(proxy_protocol='{ trusted = ["10.0.0.0/8"] }'), certificates)
    assert told == {"listeners[0].proxy_protocol": "unknown key"}


@pytest.mark.parametrize("value", ["0", "-1", "257", "true", '"one"', "1.0", '["auto"]'])
def test_workers_are_a_number_or_the_machines_affair(certificates: Path, value: str) -> None:
    assert list(faults(f"workers = {value}\n{VALID}", certificates)) == ["workers"]
    assert [faults(f"workers = {good}\n{VALID}", certificates) for good in ("1", "256", '"auto"')] == [{}, {}, {}]


def test_wrong_shapes_are_told_with_the_way_to_write_them(certificates: Path) -> None:
    text = '[listeners]\nname = "x"\n' + UPSTREAM
    assert faults(text, certificates) == {"listeners": "expected a list: write [[listeners]]"}
    assert faults("listeners = [1]\n" + UPSTREAM, certificates) == {"listeners[0]": "expected a table: 1"}
    assert faults(listener(tls='"ldaps"'), certificates) == {"listeners[0].tls": 'expected a table: "ldaps"'}
    assert faults("listeners = []\n" + UPSTREAM, certificates) == {
        "listeners": "the list is empty; at least one is needed"
    }
    assert faults(upstream(servers='"ldap://x"'), certificates) == {
        "upstreams[0].servers": 'expected a list: "ldap://x"'
    }
    assert faults(upstream(servers="[]"), certificates) == {
        "upstreams[0].servers": "the list is empty; at least one is needed"
    }
    assert faults(upstream(servers="[389]"), certificates) == {
        "upstreams[0].servers[0]": "expected text in quotes: 389"
    }


@pytest.mark.parametrize("key", ["name", "address", "tls", "upstream"])
def test_missing_key_is_told(certificates: Path, key: str) -> None:
    assert faults(listener(**{key: ""}), certificates) == {f"listeners[0].{key}": "missing"}


def test_missing_mode_is_told_with_its_choices(certificates: Path) -> None:
    assert faults(listener(tls=f"{{ {TLS} }}"), certificates) == {
        "listeners[0].tls.mode": 'missing; write "ldaps", "starttls" or "none"'
    }


def test_wrong_choice_is_told_with_the_near_one(certificates: Path) -> None:
    told = faults(listener(tls=f'{{ mode = "start_tls", {TLS} }}'), certificates)
    assert told == {
        "listeners[0].tls.mode": 'expected "ldaps", "starttls" or "none"; did you mean starttls?: "start_tls"'
    }


@pytest.mark.parametrize("name", ["", "a b", "-a", "ä", "a" * 65, "a\\n"])
def test_name_that_cannot_be_a_label_is_refused(certificates: Path, name: str) -> None:
    assert list(faults(listener(name=f'"{name}"'), certificates)) == ["listeners[0].name"]


def test_names_and_addresses_are_unique(certificates: Path) -> None:
    told = faults(LISTENER + LISTENER + UPSTREAM + UPSTREAM, certificates)
    assert told == {
        "listeners[1].name": 'taken by listeners[0]; choose another: "ldaps"',
        "listeners[1].address": 'taken by listeners[0]; choose another: "127.0.0.1:6360"',
        "upstreams[1].name": 'taken by upstreams[0]; choose another: "directory"',
    }


def test_two_listeners_may_take_free_ports(certificates: Path) -> None:
    first = LISTENER.replace(":6360", ":0")
    assert faults(first + first.replace('"ldaps"\na', '"other"\na') + UPSTREAM, certificates) == {}


def test_unknown_upstream_is_told_with_the_known_ones(certificates: Path) -> None:
    told = faults(listener(upstream='"zzz"'), certificates)
    assert told == {"listeners[0].upstream": 'no upstream of this name; known: directory: "zzz"'}


def test_upstream_of_a_faulty_name_costs_no_second_fault(certificates: Path) -> None:
    assert list(faults(upstream(name='"a b"'), certificates)) == ["upstreams[0].name"]


@pytest.mark.parametrize(
    ("server", "tls"),
    [
        ("ldap://a", '{ mode = "ldaps" }'),
        ("ldaps://a", '{ mode = "none" }'),
        ("ldaps://a", '{ mode = "starttls" }'),
        ("ldapi://%2Frun%2Fx", '{ mode = "starttls" }'),
        ("ldapi://%2Frun%2Fx", '{ mode = "ldaps" }'),
    ],
)
def test_url_that_contradicts_the_mode_is_told(certificates: Path, server: str, tls: str) -> None:
    told = faults(upstream(servers=f'["{server}"]', tls=tls), certificates)
    assert list(told) == ["upstreams[0].servers[0]"]
    assert "contradicts tls.mode" in told["upstreams[0].servers[0]"]


def test_unix_socket_of_a_server_is_accepted(certificates: Path) -> None:
    assert faults(upstream(servers='["ldapi://%2Frun%2Fslapd%2Fldapi"]'), certificates) == {}


def test_same_server_twice_is_told(certificates: Path) -> None:
    told = faults(upstream(servers='["ldap://a", "ldap://a:389"]'), certificates)
    assert list(told) == ["upstreams[0].servers[1]"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_tls_needs_the_openssl_engine(certificates: Path, version: str) -> None:
    tls = f'{{ mode = "starttls", min_version = "{version}"%s }}'
    told = faults(upstream(tls=tls % ""), certificates)
    assert told == {"upstreams[0].tls.min_version": f'needs engine = "openssl": "{version}"'}
    assert faults(upstream(tls=tls % ', engine = "openssl"'), certificates) == {}


@pytest.mark.parametrize(
    "key",
    ['verify_name = "x"', 'ca = "nowhere"', "verify = false", 'certificate = "x"', 'engine = "openssl"'],
)
def test_tls_key_without_tls_upstream_is_told(certificates: Path, key: str) -> None:
    for tls in (f'{{ mode = "none", {key} }}', f"{{ {key} }}"):
        told = faults(upstream(tls=tls), certificates)
        assert list(told) == [f"upstreams[0].tls.{key.split()[0]}"]
        assert told.popitem()[1].startswith('no effect with mode = "none"')


def test_tls_key_without_tls_on_a_listener_is_told(certificates: Path) -> None:
    told = faults(listener(tls='{ mode = "none", certificate = "x", client_ca = "y" }'), certificates)
    assert sorted(told) == ["listeners[0].tls.certificate", "listeners[0].tls.client_ca"]


@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
def test_tls_listener_needs_a_certificate(certificates: Path, mode: str) -> None:
    told = faults(listener(tls=f'{{ mode = "{mode}" }}'), certificates)
    assert told == {"listeners[0].tls.certificate": f'missing; mode = "{mode}" needs one'}


@pytest.mark.parametrize("auth", ["optional", "required"])
def test_client_certificates_need_authorities(certificates: Path, auth: str) -> None:
    told = faults(listener(tls=f'{{ mode = "ldaps", {TLS}, client_auth = "{auth}" }}'), certificates)
    assert told == {"listeners[0].tls.client_ca": f'missing; client_auth = "{auth}" needs one'}


def test_authorities_without_asking_for_certificates_are_told(certificates: Path) -> None:
    told = faults(listener(tls=f'{{ mode = "ldaps", {TLS}, client_ca = "ca.pem" }}'), certificates)
    assert "are not asked" in told["listeners[0].tls.client_ca"]


def test_socket_mode_belongs_to_unix_sockets(certificates: Path) -> None:
    assert list(faults(listener(socket_mode='"0600"'), certificates)) == ["listeners[0].socket_mode"]
    assert faults(listener(address='"unix:x"', socket_mode='"0600"'), certificates) == {}
    assert list(faults(listener(address='"unix:x"', socket_mode='"0999"'), certificates)) == [
        "listeners[0].socket_mode"
    ]


def test_limits_out_of_order_are_told(certificates: Path) -> None:
    text = f"{VALID}[limits]\nmessage_bytes = 2000\nconnections = 5\nconnections_per_address = 6\n"
    assert faults(text, certificates) == {
        "limits.message_bytes": "must not be below message_bytes_unauthenticated: 2000",
        "limits.connections_per_address": "must not be above connections: 6",
    }


def test_verify_name_must_be_a_name(certificates: Path) -> None:
    tls = '{ mode = "starttls", verify_name = "a b" }'
    assert faults(upstream(tls=tls), certificates) == {
        "upstreams[0].tls.verify_name": 'not a host name or ip address: "a b"'
    }
