"""What is told of a configuration without faults: meaning, notices, schema, reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from ostiary.config import Config, schema
from ostiary.config.meaning import meaning
from ostiary.config.notices import notices
from ostiary.config.wording import shown
from ostiary.plugins.loading import built_in
from ostiary.tls import throwaway_authority

from .files import VALID, listener, upstream

REFERENCE = Path(__file__).parents[2] / "docs" / "configuration.md"


def key_paths(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every key of the models with its default, as the reference writes it; plugins' own by the plugin's name."""
    for name, field in model.model_fields.items():
        path, annotation = f"{prefix}{field.alias or name}", field.annotation
        is_list = get_origin(annotation) is tuple
        tables = set(models(annotation))
        for each in sorted(tables, key=lambda each: each.__name__):
            yield from key_paths(each, f"{path}{'[]' if is_list else ''}.")
        if not tables or holds_text(annotation):
            yield path, field.default


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The tables that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models(each)


def holds_text(annotation: Any) -> bool:
    """Whether a string may stand there, too."""
    return annotation is str or any(holds_text(each) for each in get_args(annotation))


def every_key() -> dict[str, object]:
    """All keys of the configuration and of the built-in plugins."""
    keys = dict(key_paths(Config))
    for use, plugin in built_in().items():
        keys |= dict(key_paths(plugin.Options, prefix_of(use)))
    return keys


def prefix_of(use: str) -> str:
    """How the reference writes a plugin before its keys: by its name, unless a table of the file has that."""
    return f"plugins.{use}." if use in Config.model_fields else f"{use}."


def documented() -> dict[str, list[str]]:
    """The rows of the reference's tables by key path."""
    rows = {}
    for line in REFERENCE.read_text().splitlines():
        if match := re.match(r"\| `([a-z0-9_.\[\]]+)` \|(.*)\|$", line):
            assert match[1] not in rows, f"documented twice: {match[1]}"
            rows[match[1]] = [cell.strip() for cell in match[2].split(" | ")]
    return rows


def test_every_key_is_in_the_reference_and_no_other() -> None:
    assert set(documented()) == set(every_key())


def test_reference_states_the_real_defaults_of_limits() -> None:
    rows = documented()
    for path, default in key_paths(Config):
        if path.startswith("limits."):
            assert int(rows[path][0].strip("`").replace("_", "")) == default, path


def test_reference_states_the_real_defaults_of_plugins() -> None:
    rows, prefixes = documented(), tuple(prefix_of(use) for use in built_in())
    for path, default in every_key().items():
        if path.startswith(prefixes) and isinstance(default, bool | int | float | str):
            told = rows[path][0].strip("`").replace("_", "")
            assert told == shown(default).replace(".0", "").replace("_", ""), path


def test_every_key_is_described_in_the_schema() -> None:
    document = schema()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert sorted(document["required"]) == ["listeners", "upstreams"]
    for name, table in document["$defs"].items():
        assert table["additionalProperties"] is False
        for key, value in table["properties"].items():
            assert value.get("description"), f"{name}.{key}"
    assert document["$defs"]["Listener"]["required"] == ["name", "address", "tls", "upstream"]


def test_meaning_says_what_protects_and_what_does_not(certificates: Path) -> None:
    words = {title: " / ".join(sentences) for title, sentences in meaning(Config.from_toml(VALID, certificates))}
    assert "inside TLS from the first octet" in words["listener ldaps"]
    assert "certificate for localhost, 127.0.0.1, ::1" in words["listener ldaps"]
    assert "refuses unauthenticated binds, LDAPv2 binds, Sicily binds" in words["listener ldaps"]
    assert "asks for StartTLS before anything else" in words["upstream directory"]
    assert "verifies that the certificate is for the host that is dialled" in words["upstream directory"]
    assert "requests of up to 64 KiB before a bind, 8 MiB after it" in words["limits"]


def test_meaning_is_loud_about_what_is_not_verified(certificates: Path) -> None:
    text = upstream(tls='{ mode = "starttls", verify = false, engine = "openssl", min_version = "1.0" }')
    config = Config.from_toml(text, certificates)
    assert "does NOT verify the server's certificate" in str(meaning(config))
    found = {notice.path: notice.message for notice in notices(config)}
    assert sorted(found) == ["upstreams[0].tls.min_version", "upstreams[0].tls.verify"]


def test_sound_configuration_gives_no_notice(certificates: Path) -> None:
    assert notices(Config.from_toml(VALID, certificates)) == []


def test_notices_name_weak_choices(certificates: Path) -> None:
    keys = {
        "address": '"0.0.0.0:3890"',
        "tls": '{ mode = "none" }',
        "sasl_security_layers": '"opaque"',
        "allow_unauthenticated_bind": "true",
    }
    config = Config.from_toml(listener(**keys), certificates)
    assert [notice.path for notice in notices(config)] == [
        "listeners[0].require_tls",
        "listeners[0].sasl_security_layers",
        "listeners[0].allow_unauthenticated_bind",
    ]
    plain = Config.from_toml(upstream(), certificates)
    assert [notice.path for notice in notices(plain)] == ["upstreams[0].tls.mode"]
    unused = Config.from_toml(VALID + '[[upstreams]]\nname = "b"\nservers = ["ldap://localhost"]', certificates)
    assert [notice.path for notice in notices(unused)] == ["upstreams[1].name"]
    nothing = Config.from_toml(listener(tls='{ mode = "none" }', require_tls='"all"'), certificates)
    assert "every operation is refused" in notices(nothing)[0].message


def test_notices_name_certificates_near_their_end_and_open_keys(tmp_path: Path) -> None:
    throwaway_authority(tmp_path, valid_days=1)
    assert notices(Config.from_toml(VALID, tmp_path)) == []  # short-lived, and at its beginning
    (tmp_path / "server.key").chmod(0o644)
    assert [notice.path for notice in notices(Config.from_toml(VALID, tmp_path))] == ["listeners[0].tls.key"]
