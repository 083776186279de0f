"""Whatever a file says, it ends in a configuration or in faults that each stand in one line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostiary.config import Config
from ostiary.errors import ConfigError, Fault

BASE: dict[str, Any] = {
    "workers": 1,
    "listeners": [
        {
            "name": "front",
            "address": "127.0.0.1:0",
            "tls": {
                "mode": "starttls",
                "certificate": "server.crt",
                "key": "server.key",
                "certificates": [{"certificate": "client.crt", "key": "client.key"}],
                "client_ca": "ca.pem",
                "client_auth": "optional",
                "min_version": "1.2",
            },
            "require_tls": "bind",
            "upstream": "directory",
        }
    ],
    "upstreams": [
        {
            "name": "directory",
            "servers": ["ldaps://a", "ldaps://b"],
            "tls": {"mode": "ldaps", "ca": "ca.pem", "verify": True, "engine": "openssl"},
        }
    ],
    "plugins": [
        {
            "use": "allow_list",
            "mode": "monitor",
            "rules": [
                {
                    "name": "a",
                    "from": ["10.0.0.0/8"],
                    "identity": [{"within": "dc=x"}, "anonymous"],
                    "operations": "search",
                    "filter": "(uid=?)",
                    "size_limit": 5,
                },
            ],
        },
        {"use": "tests.plugins.module:House", "name": "house", "doors": [{"name": "a", "wide": 2}], "hours": [1, 2]},
    ],
    "limits": {"connections": 5, "idle_seconds": 1.5},
}
TEXTS = st.sampled_from(
    ["", "none", "ldaps", "server.crt", "server.key", "prose", "front", "1.0", "ldap://x", "ldap://[",
     "unix:", "\0", "\x1b[2K\n", "${env:HOME}", "${env:}", "${env:NO_SUCH_VARIABLE}", "x" * 5_000, "\ud7ff"]
)  # fmt: skip
LEAVES = TEXTS | st.text(max_size=8) | st.integers() | st.floats() | st.booleans()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container and key at which something stands."""
    found = []
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        found.append((data, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


def read(data: Any, directory: Path) -> Config | tuple[Fault, ...]:
    """The configuration of data that TOML could have said, or its faults."""
    with mock.patch("tomllib.loads", return_value=data):
        try:
            return Config.from_toml("", directory)
        except ConfigError as error:
            return error.faults


def test_base_is_sound(certificates: Path) -> None:
    config = read(BASE, certificates)
    assert isinstance(config, Config)
    assert config.listeners[0].require_tls == "bind"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_changed_values_end_in_faults_or_a_configuration(certificates: Path, data: st.DataObject) -> None:
    changed = copy.deepcopy(BASE)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(changed)))
        how = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if how == "replace":
            container[key] = data.draw(VALUES)
        elif how == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[data.draw(st.text(max_size=5))] = data.draw(VALUES)
        if not places(changed):
            break
    outcome = read(changed, certificates)
    if isinstance(outcome, Config):
        assert Config.model_validate(outcome) == outcome
    else:
        assert outcome
        for fault in outcome:
            assert len(str(fault)) < 1_000


@pytest.mark.parametrize("text", ["a.", "[" * 5_000, "a = " + "[" * 5_000, "[[listeners]]\n" * 3, "\0", "a" * 100_000])
def test_text_that_is_not_toml_is_a_fault(certificates: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        Config.from_toml(text, certificates)
