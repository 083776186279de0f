"""The table `[admin]`: what it means, what is wrong with it, and the plan that comes of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ostiary.config import Config
from ostiary.config.meaning import meaning
from ostiary.config.notices import notices
from ostiary.plan import plan
from ostiary.tls import ThrowawayFiles

from ..config.files import VALID, faults

TLS = 'tls = { certificate = "server.crt", key = "server.key" }'


@pytest.fixture
def directory(authority: ThrowawayFiles) -> Path:
    """Where the files of a configuration are."""
    folder = authority.ca.parent
    (folder / "token").write_text("0123456789abcdef\n")
    (folder / "token").chmod(0o600)
    return folder


def told(keys: str, directory: Path) -> dict[str, str]:
    """Notices by key path."""
    config = Config.from_toml(f"{VALID}\n[admin]\n{keys}", directory)
    return {each.path: each.message for each in notices(config)}


def test_without_the_table_nothing_is_planned(directory: Path) -> None:
    config = Config.from_toml(VALID, directory)
    assert config.admin is None
    assert plan(config).admin is None
    assert "admin" not in dict(meaning(config))


def test_plan_holds_all_that_serving_needs(directory: Path) -> None:
    text = f'{VALID}\n[admin]\naddress = "127.0.0.1:0"\ntoken_file = "token"\nexemplars = true\n{TLS}'
    made = pickle.loads(pickle.dumps(plan(Config.from_toml(text, directory)))).admin
    assert (made.host, made.port, made.path, made.exemplars) == ("127.0.0.1", 0, None, True)
    assert made.token == b"0123456789abcdef"
    assert [(each.upstream, each.server, each.host, each.port) for each in made.servers] == [
        ("directory", "ldap://dc1.corp.example:389", "dc1.corp.example", 389),
        ("directory", "ldap://dc2.corp.example:3389", "dc2.corp.example", 3389),
    ]
    assert [(side, name) for side, name, _ in made.certificates] == [("client", "ldaps"), ("admin", "admin")]
    assert "0123456789abcdef" not in repr(made)
    assert "PRIVATE" not in repr(made)
    assert "key" not in repr(made).replace("keys", "")


def test_faults_are_told_by_key(directory: Path) -> None:
    (directory / "empty").write_text("\n")
    (directory / "prose").write_text("two words\n")
    keys = 'port = ""\naddress = "localhost"'
    assert set(faults(f"{VALID}\n[admin]\n{keys}", directory)) == {"admin.port", "admin.address"}
    assert "use letters" in faults(f'{VALID}\n[admin]\ntoken_file = "prose"', directory)["admin.token_file"]
    assert "two words" not in str(faults(f'{VALID}\n[admin]\ntoken_file = "prose"', directory))
    assert "holds no token" in faults(f'{VALID}\n[admin]\ntoken_file = "empty"', directory)["admin.token_file"]
    assert "not readable" in faults(f'{VALID}\n[admin]\ntoken_file = "nowhere"', directory)["admin.token_file"]
    assert set(faults(f'{VALID}\n[admin]\ntls = {{ certificate = "x", kee = 1 }}', directory)) == {
        "admin.tls.certificate", "admin.tls.kee",
    }  # fmt: skip
    taken = faults(f'{VALID}\n[admin]\naddress = "127.0.0.1:6360"', directory)
    assert taken == {"admin.address": 'taken by listeners[0]; choose another: "127.0.0.1:6360"'}


def test_notices_tell_who_could_read_along(directory: Path) -> None:
    assert told('token_file = "token"', directory) == {}
    assert told("", directory) == {}
    assert told('address = "unix:admin"', directory) == {}
    assert set(told('address = "0.0.0.0:9389"', directory)) == {"admin.token_file"}
    assert set(told('address = "0.0.0.0:9389"\ntoken_file = "token"', directory)) == {"admin.tls"}
    assert told(f'address = "0.0.0.0:9389"\ntoken_file = "token"\n{TLS}', directory) == {}
    (directory / "short").write_text("sesame")
    (directory / "short").chmod(0o600)
    assert "short token" in told('token_file = "short"', directory)["admin.token_file"]
    (directory / "token").chmod(0o644)
    assert "everybody on this machine" in told('token_file = "token"', directory)["admin.token_file"]


def test_meaning_says_who_reads_what(directory: Path) -> None:
    text = f'{VALID}\n[admin]\naddress = "127.0.0.1:0"\ntoken_file = "token"\nexemplars = true\n{TLS}'
    words = " / ".join(dict(meaning(Config.from_toml(text, directory)))["admin"])
    assert "on 127.0.0.1:0, by HTTPS with the certificate for localhost" in words
    assert f"whoever brings the token in {directory}/token" in words
    words = " / ".join(dict(meaning(Config.from_toml(f"{VALID}\n[admin]", directory)))["admin"])
    assert "by plain HTTP" in words
    assert "anybody who reaches it" in words
