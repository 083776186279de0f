"""`ostiary explain`: which rule decides about a request, and why. Asks no server and no hook, and counts nothing.

Exit status: 0 allowed, 3 refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rich.table import Table
from rich.text import Text

from ostiary._core import Control
from ostiary.cli.options import ConfigOption
from ostiary.cli.output import out, print_json
from ostiary.config import Config, Listener, load
from ostiary.config.wording import did_you_mean
from ostiary.log import plain
from ostiary.plugins import building
from ostiary.plugins.names import CONTROLS, EXTENDED
from ostiary.plugins.request import SCOPES, Request

__all__ = ["explain"]

REFUSED = 3
_STYLES = {"matched": "green", "passed": "green", "refused": "red", "failed": "yellow", "not_asked": "dim"}
_SECRET = "secret"
"""Stands in requests where rules never look."""


class Asked(NamedTuple):
    """What the command line says of a request."""

    identity: str
    base: str
    scope: str
    filter: str
    attributes: list[str]
    changes: str
    new_rdn: str
    new_superior: str | None
    mechanism: str | None
    extended: str | None
    controls: list[str]


def explain(
    config: ConfigOption,
    operation: Annotated[str, typer.Option(metavar="WORD", help="What is done: bind, search, compare, ...")],
    address: Annotated[
        str | None, typer.Option("--from", metavar="IP", help="Where from; omitted: by a unix socket.")
    ] = None,
    identity: Annotated[
        str, typer.Option(metavar="NAME", help="Who was proved, or for a bind is asked for; omitted: nobody.")
    ] = "",
    listener: Annotated[str | None, typer.Option(metavar="NAME", help="By which listener; omitted: the first.")] = None,
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="Whether TLS is on; omitted: if the listener has it.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="The client's certificate, PEM.")] = None,
    base: Annotated[str, typer.Option(metavar="DN", help="The entry, or where a search starts.")] = "",
    scope: Annotated[str, typer.Option(metavar="WORD", help="Of a search: base, one, sub or children.")] = "sub",
    filter: Annotated[str, typer.Option(metavar="FILTER", help="Of a search.")] = "(objectClass=*)",
    attributes: Annotated[str, typer.Option(metavar="A,B", help="What is asked for, compared, added or changed.")] = "",
    changes: Annotated[
        str, typer.Option(metavar="WORD", help="Of a modify: add, delete, replace or increment.")
    ] = "replace",
    new_rdn: Annotated[str, typer.Option(metavar="RDN", help="Of a modify_dn.")] = "cn=new",
    new_superior: Annotated[str | None, typer.Option(metavar="DN", help="Of a modify_dn that moves.")] = None,
    mechanism: Annotated[str | None, typer.Option(metavar="NAME", help="Of a SASL bind.")] = None,
    extended: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which extended operation, by name or OID.")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A control by name or OID, as NAME or NAME=HEX; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Tell which rule decides about a request, and why."""
    settings = load(config)
    through = _listener(settings, listener)
    wanted = [each.strip() for each in attributes.split(",") if each.strip()]
    asked = Asked(
        identity, base, scope, filter, wanted, changes, new_rdn, new_superior, mechanism, extended, control or []
    )
    try:
        request = _request(operation, asked)
        told = _explained(
            settings, through, address, through.tls.mode != "none" if tls is None else tls, certificate,
            "" if operation == "bind" else identity, request,
        )  # fmt: skip
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print_json(told)
    else:
        _in_words(told)
    if told["verdict"] != "allowed":
        raise typer.Exit(REFUSED)


def _listener(settings: Config, name: str | None) -> Listener:
    known = {each.name: each for each in settings.listeners}
    if name is None:
        return settings.listeners[0]
    if name not in known:
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise typer.BadParameter(f"no listener of this name{hint}", param_hint="--listener")
    return known[name]


def _request(operation: str, asked: Asked) -> bytes:
    """The request, encoded. Raises: ValueError when it is none."""
    build = BUILDERS.get(operation)
    if build is None:
        hint = did_you_mean(operation, BUILDERS) or f"; write one of {', '.join(BUILDERS)}"
        raise ValueError(f"no operation: {operation}{hint}")
    return build(asked, [_control(each) for each in asked.controls]).raw


def _bind(asked: Asked, controls: list[Control]) -> Request:
    if asked.mechanism is not None and asked.mechanism.lower() != "simple":
        return building.sasl_bind(asked.mechanism, controls=controls)
    return building.bind(asked.identity, _SECRET if asked.identity else "", controls=controls)


def _search(asked: Asked, controls: list[Control]) -> Request:
    if asked.scope not in SCOPES:
        raise ValueError(f"no scope: {asked.scope}; write one of {', '.join(SCOPES)}")
    return building.search(asked.base, asked.scope, asked.filter, asked.attributes, controls=controls)


def _extended(asked: Asked, controls: list[Control]) -> Request:
    if asked.extended == "password_modify":
        return building.password_modify(asked.base or None, _SECRET, controls=controls)
    return building.extended(_oid(asked.extended or "", EXTENDED), controls=controls)


def _touched(asked: Asked) -> list[str]:
    return asked.attributes or ["cn"]


BUILDERS: dict[str, Callable[[Asked, list[Control]], Request]] = {
    "bind": _bind,
    "search": _search,
    "compare": lambda asked, controls: building.compare(asked.base, _touched(asked)[0], _SECRET, controls=controls),
    "add": lambda asked, controls: building.add(asked.base, dict.fromkeys(_touched(asked), _SECRET), controls=controls),
    "modify": lambda asked, controls: building.modify(
        asked.base, [(asked.changes, each, _SECRET) for each in _touched(asked)], controls=controls
    ),
    "delete": lambda asked, controls: building.delete(asked.base, controls=controls),
    "modify_dn": lambda asked, controls: building.modify_dn(
        asked.base, asked.new_rdn, asked.new_superior, controls=controls
    ),
    "extended": _extended,
}


def _control(text: str) -> Control:
    name, has_value, value = text.partition("=")
    return Control(_oid(name, CONTROLS), False, bytes.fromhex(value) if has_value else None)


def _oid(name: str, known: dict[str, str]) -> str:
    if name in known:
        return known[name]
    if not name or not set(name) <= set("0123456789."):
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise ValueError(f"neither a known name nor an OID: {name or 'nothing'}{hint}")
    return name


def _explained(
    settings: Config,
    listener: Listener,
    address: str | None,
    tls: bool,
    certificate: Path | None,
    identity: str,
    request: bytes,
) -> dict[str, Any]:
    """What the core says. Raises: ValueError when address or certificate are none."""
    if not settings.plugins:
        return {"verdict": "allowed", "plugin": None, "rule": None, "trace": []}
    from ostiary.plugins.chain import chain, explained

    der = None if certificate is None else _der(certificate)
    policy = chain(enumerate(settings.plugins)).policy
    return explained(policy, listener.name, address, tls, der, identity, request)


def _der(path: Path) -> bytes:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
    except OSError as error:
        raise ValueError(f"not readable: {path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError:
        raise ValueError(f"no certificate in PEM: {path}") from None


def _in_words(told: dict[str, Any]) -> None:
    console = out()
    console.print(_verdict(told))
    if told.get("changes"):
        console.print(Text(f"  the search goes on with {plain(', '.join(_changes(told['changes'])))}"))
    rows = told["trace"]
    if not rows:
        console.print(Text("  no plugin has a rule: everything passes" if told["plugin"] is None else ""))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("plugin", "rule", "outcome", "criterion", "asked"):
        table.add_column(title)
    for row in rows:
        outcome = cast("str", row["outcome"])
        monitored = " (monitor)" if row.get("monitor") else ""
        failed = row.get("failed") or [{"criterion": row.get("criterion") or "", "asked": row.get("detail") or ""}]
        for place, each in enumerate(failed):
            first = (row["plugin"], row["rule"], Text(f"{outcome}{monitored}", _STYLES.get(outcome, "")))
            cannot = " (cannot be normalised)" if each.get("unreadable") else ""
            table.add_row(
                *(first if place == 0 else ("", "", "")), f"{each['criterion']}{cannot}", plain(each["asked"])
            )
    console.print(table)


def _verdict(told: dict[str, Any]) -> Text:
    by = f" by rule {told['rule']} of plugin {told['plugin']}" if told["plugin"] else ""
    if told["verdict"] == "allowed":
        return Text.assemble(("allowed", "bold green"), by)
    answer = f": {told['code_name'] or 'result'}({told['code']}), {json.dumps(told['text'])}"
    return Text.assemble(("refused", "bold red"), by, plain(answer))


def _changes(changes: dict[str, Any]) -> Sequence[str]:
    told = []
    if changes.get("attributes") is not None:
        told.append(f"attributes {' '.join(changes['attributes'])}")
    told += [f"{key} {changes[key]} at most" for key in ("size_limit", "time_limit") if changes.get(key) is not None]
    if changes.get("never_deref_aliases"):
        told.append("aliases not followed")
    return told or ["nothing changed"]
