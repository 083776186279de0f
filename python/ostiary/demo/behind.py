"""What stands behind the gateway in the demo: the embedded directory, or somebody's real one.

Says how the gateway is to reach it and which steps the tour may take. Does not start the gateway.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from ostiary._core import START_TLS_OID, Filter, SearchRequest, SearchResultEntry
from ostiary.demo.client import Client, Disconnected
from ostiary.demo.directory import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, Directory, example_tree
from ostiary.demo.policed_steps import POLICED_STEPS
from ostiary.demo.stage import Account
from ostiary.demo.steps import DEMO_STEPS, REAL_STEPS, Step
from ostiary.errors import ConfigError, Fault, UpstreamUnavailable
from ostiary.tls import throwaway_authority

__all__ = ["Behind", "embedded_directory", "real_directory"]


@dataclass(frozen=True)
class Behind:
    """A directory, and how the gateway reaches it."""

    title: str
    url: str
    tls_table: str
    """The inside of the upstream's `tls` table in the configuration."""
    tls_in_words: str
    steps: Sequence[Step]
    account: Account | None
    base: str
    """Where the recipes search."""
    directory: Directory | None = None
    policy: str = ""
    """The plugins before it and the listener `guarded`, as configuration; a real directory has neither."""


async def embedded_directory(place: Path, stack: AsyncExitStack) -> Behind:
    """Starts the demo's own directory, with a certificate of its own authority; the stack stops it."""
    files = throwaway_authority(place).files
    assert files is not None  # a directory was given
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_certificate, files.server_key)
    directory = Directory(example_tree(), context)
    await directory.start()
    stack.push_async_callback(directory.stop)
    return Behind(
        title="a small directory that knows only plain LDAP and StartTLS",
        url=f"ldap://127.0.0.1:{directory.port}",
        tls_table=f'mode = "starttls", ca = "{files.ca}"',
        tls_in_words="StartTLS",
        steps=(*DEMO_STEPS, *POLICED_STEPS),
        account=Account(ADMINISTRATOR, ADMINISTRATOR_PASSWORD),
        base="dc=example,dc=org",
        directory=directory,
        policy=resources.files("ostiary.demo").joinpath("policy.toml").read_text(encoding="utf-8"),
    )


async def real_directory(url: str, account: Account | None, ca: Path | None) -> Behind:
    """Looks at a real directory: which TLS it offers, and where its entries are. Sends it no password.

    Raises:
        ConfigError: the URL is not one of a directory.
        UpstreamUnavailable: nobody answers there, or the account's password would not be safe on the way.
    """
    host, port, scheme = _parsed(url)
    if scheme == "ldaps":
        tls_table, words = await _judged(host, port, "ldaps", account, ca)
        return Behind(url, url, tls_table, words, REAL_STEPS, account, "")
    try:
        client = await Client.connect(host, port)
        request = SearchRequest("", 0, Filter("(objectClass=*)"), ["supportedExtension", "namingContexts"])
        answer = await client.request(request)
        await client.close()
    except (OSError, TimeoutError, Disconnected) as error:
        raise UpstreamUnavailable(f"no directory answers there: {url}") from error
    root = {
        attribute.description.lower(): [value.decode(errors="replace") for value in attribute.values]
        for entry in answer.before
        if isinstance(entry, SearchResultEntry)
        for attribute in entry.attributes
    }
    tls_table, words = 'mode = "none"', "plain LDAP: this directory offers no StartTLS"
    if START_TLS_OID in root.get("supportedextension", ()):
        tls_table, words = await _judged(host, port, "starttls", account, ca)
    elif account is not None and not _is_here(host):
        raise UpstreamUnavailable(f"it offers no StartTLS, and a password is not sent in plain: {url}")
    base = next(iter(root.get("namingcontexts", ())), "")
    return Behind(url, url, tls_table, words, REAL_STEPS, account, base)


def _parsed(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
        raise ConfigError([Fault("--upstream", f"expected ldap://host or ldaps://host: {url}")])
    return parts.hostname, port or (636 if parts.scheme == "ldaps" else 389), parts.scheme


async def _judged(host: str, port: int, mode: str, account: Account | None, ca: Path | None) -> tuple[str, str]:
    """How to speak TLS with a server: unchecked, and saying so, if it is not trusted and no password is at stake."""
    context = ssl.create_default_context(cafile=ca)
    words = "LDAPS" if mode == "ldaps" else "StartTLS"
    try:
        if mode == "ldaps":
            client = await Client.connect(host, port, context)
        else:
            client = await Client.connect(host, port)
            await client.start_tls(context, host)
        await client.close()
    except ssl.SSLCertVerificationError as error:
        if ca is not None or (account is not None and not _is_here(host)):
            reason = error.verify_message
            remedy = "name its authority with --ca FILE"
            raise UpstreamUnavailable(f"its certificate is not trusted ({reason}), {remedy}: {host}:{port}") from error
        return (
            f'mode = "{mode}", verify = false',
            f"{words}, its certificate unchecked: not one this machine trusts",
        )
    except (OSError, TimeoutError, Disconnected) as error:
        raise UpstreamUnavailable(f"no {words} at: {host}:{port}") from error
    trust = "" if ca is None else f", ca = '{ca.absolute()}'"
    return f'mode = "{mode}"{trust}', words


def _is_here(host: str) -> bool:
    """Whether nobody stands between: this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
