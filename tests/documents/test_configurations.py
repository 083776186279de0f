"""Every block of TOML in the documents is a sound configuration, and so is what migrating.md has of others."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ostiary.config import Config
from ostiary.config.plugin_checks import plugin_warnings

from ..config.files import AROUND
from ..real.authority import LOCAL_NAMES, Authority
from ..real.process import Process
from ..recipes.recipe import SBIN, await_saying
from .page import blocks, pages, replaced

# What loads plugins that do not exist here, or has pieces of other files: tests/plugins and tests/examples hold it.
ELSEWHERE = {"docs/plugins.md"}
BLOCKS = [
    (page, each.text) for page in pages() if page not in ELSEWHERE for each in blocks(page) if each.language == "toml"
]
NAMES = [f"{page.removeprefix('docs/')}-{number}" for number, (page, _) in enumerate(BLOCKS)]
FILE = re.compile(r'(certificate|key|ca|client_ca|token_file|password_file|output) = "([^":]+)"')


def is_whole(text: str) -> bool:
    return {"listeners", "upstreams"} <= set(tomllib.loads(text))


def furnish(text: str, place: Path) -> None:
    """Puts a file wherever the configuration names one."""
    authority = Authority(place / "authority")
    own = authority.issue("gateway", *LOCAL_NAMES)
    for kind, name in FILE.findall(text):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "certificate":
            # With the key behind it, as some of them stand alone.
            path.write_bytes(own.certificate.read_bytes() + own.key.read_bytes())
        elif kind == "key":
            path.write_bytes(own.key.read_bytes())
        elif kind in ("ca", "client_ca"):
            path.write_bytes(authority.certificate.read_bytes())
        elif kind != "output":
            path.write_text("a-word-of-letters-0123456789abcdef\n")
        if path.exists():
            path.chmod(0o600)


@pytest.mark.parametrize(("page", "text"), BLOCKS, ids=NAMES)
def test_every_block_is_a_configuration(page: str, text: str, tmp_path: Path) -> None:
    text = re.sub(r'"/(etc|var|run)/', rf'"{tmp_path}/\1/', text)
    furnish(text, tmp_path)
    whole = is_whole(text)
    config = Config.from_toml(text if whole else AROUND + text, tmp_path)
    assert list(plugin_warnings(config)) == [], page


def test_most_pages_have_whole_ones() -> None:
    whole = {page for page, text in BLOCKS if is_whole(text)}
    assert whole >= {"README.md", "docs/configuration.md", "docs/start.md", "docs/migrating.md"}
    assert {page for page in pages() if page.startswith("docs/recipes/")} - {"docs/recipes/index.md"} <= whole


def theirs(name: str, place: Path) -> Path:
    """A file of migrating.md, with certificates where it names them, and addresses that resolve."""
    authority = Authority(place / "authority")
    own = authority.issue("gateway", *LOCAL_NAMES)
    pem = own.certificate.read_bytes() + own.key.read_bytes()
    for file, content in (
        ("gateway.pem", pem),
        ("gateway.crt", own.certificate.read_bytes()),
        ("gateway.key", own.key.read_bytes()),
        ("directory-ca.pem", authority.certificate.read_bytes()),
    ):
        (place / file).write_bytes(content)
        (place / file).chmod(0o600)
    (text,) = [each.text for each in blocks("docs/migrating.md") if each.file == name]
    folders = {f"/etc/{each}/{file}": f"{place}/{file}" for each in ("stunnel", "haproxy", "ldap") for file in (
        "gateway.pem", "gateway.crt", "gateway.key", "directory-ca.pem",
    )}  # fmt: skip
    hosts = {"connect = dc1.example.org": "connect = 127.0.0.1"}
    hosts |= {f" {host}.example.org:636": " 127.0.0.1:636" for host in ("dc1", "dc2")}
    ports = {"accept = 0.0.0.0:636": "accept = 127.0.0.1:0", "accept = 127.0.0.1:389": "accept = 127.0.0.1:0"}
    path = place / name
    path.write_text(replaced(text, folders | hosts | ports))
    return path


def command(name: str, package: str) -> str:
    found = shutil.which(name, path=f"/usr/bin:/usr/local/bin:{SBIN}")
    if found is None:
        pytest.skip(f"{name} is absent: apt-get install {package}")
    return found


def test_haproxy_reads_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [command("haproxy", "haproxy"), "-c", "-f", str(theirs("haproxy.cfg", tmp_path))],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["stunnel-server.conf", "stunnel-client.conf"])
def test_stunnel_reads_its_own(name: str, tmp_path: Path) -> None:
    path = theirs(name, tmp_path)
    path.write_text(f"foreground = yes\npid =\n{path.read_text()}")
    process = Process([command("stunnel4", "stunnel4"), str(path)], tmp_path / "log")
    try:
        await_saying(process, "Configuration successful")
    finally:
        process.stop()


def test_slapd_reads_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [command("slaptest", "slapd"), "-u", "-f", str(theirs("slapd.conf", tmp_path))],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
