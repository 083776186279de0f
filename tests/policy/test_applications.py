"""Five applications, by the client libraries they use, under rules that an operator would write from the documentation.

What an application needs passes, before slapd and before 389 Directory Server; what it does not need is refused, and
the library reports it as it reports any server's refusal.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..real import gateway as gateways
from ..real.authority import Authority
from ..real.gateway import Gateway, GatewayFactory
from ..real.servers.directory import Directory
from .content import (
    ALICE,
    ALICE_PASSWORD,
    APP,
    BOB,
    COLLEAGUES,
    DESK,
    GROUPS,
    PASSWORD,
    PEOPLE,
    SECRET,
    SERVICES,
    SUFFIX,
    VAULT,
)

with warnings.catch_warnings():
    # ldap3 2.9 still uses names that pyasn1 0.6 calls deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core import exceptions

# python-ldap has no type stubs: it is reached through one untyped name.
MISSING = "python-ldap is absent: apt-get install libldap-dev libsasl2-dev, then pip install -r requirements/real.in"
ldap: Any = pytest.importorskip("ldap", reason=MISSING)
controls: Any = pytest.importorskip("ldap.controls", reason=MISSING)

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = f"""
[[plugins]]
use = "allow_list"

[[plugins.rules]]
name = "wiki"
identity = "{APP}"
operations = ["bind", "search", "extended"]
base = "{PEOPLE}"
filter = ["(uid=?)", "(&(objectClass=person)(uid=?))"]
attributes = ["uid", "cn", "mail"]
[[plugins.rules]]
name = "wiki-groups"
identity = "{APP}"
operations = "search"
base = "{GROUPS}"
filter = ["(member=?)", "(&(objectClass=groupOfNames)(member=?))"]
attributes = ["cn"]

[[plugins.rules]]
name = "people-log-in"
identity = {{ within = "{PEOPLE}" }}
operations = ["bind", "extended"]
[[plugins.rules]]
name = "address-book"
identity = {{ within = "{PEOPLE}" }}
operations = "search"
base = "{PEOPLE}"
scope = ["one", "sub"]
filter = ["(|(cn=*?*)(mail=*?*))", "(&(objectClass=person)(|(cn=*?*)(mail=*?*)))", "(cn=?*)"]
attributes = ["cn", "mail", "telephoneNumber"]
size_limit = 100
[[plugins.rules]]
name = "legacy-address-book"
identity = {{ within = "{PEOPLE}" }}
operations = "search"
base = "{PEOPLE}"
scope = "sub"
filter = "(mail=?)"
attributes = ["cn", "mail"]
narrow = true

[[plugins.rules]]
name = "desk-finds-people"
identity = "{DESK}"
operations = ["bind", "search"]
base = "{PEOPLE}"
filter = "(uid=?)"
attributes = ["uid", "cn"]
[[plugins.rules]]
name = "desk-resets-passwords"
identity = ["{DESK}", {{ within = "{PEOPLE}" }}]
operations = ["modify", "extended"]
base = ["{PEOPLE}", "{SERVICES}"]
attributes = "userPassword"
changes = "replace"
extended = "password_modify"

[[plugins.rules]]
name = "monitoring"
identity = "anonymous"
operations = ["bind", "search", "extended"]
base = "rootDSE"
scope = "base"
filter = "(objectClass=*)"
attributes = ["*", "+"]

[[plugins]]
use = "help_desk:HelpDesk"
help_desk = ["{DESK}"]
people = ["{PEOPLE}"]
service_accounts = ["{SERVICES}", "{VAULT}"]
"""
BUSY = """
[[plugins]]
use = "rate_limit"
[[plugins.limits]]
name = "one-search"
operations = "search"
key = "client"
rate = "1/h"
burst = 1
"""
PRODUCTS = ("slapd", "389-ds")


@pytest.fixture(scope="module", params=PRODUCTS)
def behind(request: pytest.FixtureRequest) -> Directory:
    found: Directory = request.getfixturevalue("openldap" if request.param == "slapd" else "ds389")
    return found


@pytest.fixture(scope="module")
def door(module_gateway: GatewayFactory, behind: Directory, authority: Authority) -> Gateway:
    running = module_gateway(
        [gateways.listener("plain")],
        # 389-ds takes no new password outside TLS.
        [gateways.upstream(behind.plain, mode="starttls", authority=authority)],
        plugins=RULES,
        environment={"PYTHONPATH": str(EXAMPLES)},
    )
    running.secrets += [ALICE_PASSWORD, SECRET]
    return running


def by_python_ldap(door: Gateway, dn: str = "", password: str = "") -> Any:
    connection = ldap.initialize(door.address.url())
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
    connection.set_option(ldap.OPT_TIMEOUT, 25)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    if dn:
        connection.simple_bind_s(dn, password)
    return connection


def by_ldap3(door: Gateway, dn: str | None = None, password: str | None = None, **keywords: Any) -> Any:
    server = ldap3.Server(door.address.host, door.address.port, get_info=keywords.pop("get_info", ldap3.NONE))
    keywords.setdefault("raise_exceptions", True)
    connection = ldap3.Connection(server, dn, password, receive_timeout=20, **keywords)
    try:
        connection.bind()
    except exceptions.LDAPException:
        connection.unbind()
        raise
    return connection


def by_tool(door: Gateway, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(name) is None:
        pytest.skip("the OpenLDAP tools are absent: apt-get install ldap-utils")
    return subprocess.run(
        [name, "-x", "-H", door.address.url(), *arguments],
        capture_output=True,
        text=True,
        timeout=25,
        env={"PATH": "/usr/bin:/bin", "LDAPNOINIT": "1"},
        check=False,
    )


def as_(dn: str, password: str) -> tuple[str, ...]:
    return ("-D", dn, "-w", password)


# Login by uid: the service account looks the user up, then the user's own DN and password are tried.


def test_python_ldap_logs_in_by_uid(door: Gateway) -> None:
    service = by_python_ldap(door, APP, PASSWORD)
    ((dn, attributes),) = service.search_s(PEOPLE, ldap.SCOPE_SUBTREE, "(&(objectClass=person)(uid=alice))", ["cn"])
    assert (dn, attributes) == (ALICE, {"cn": [b"Alice Archer"]})
    by_python_ldap(door, dn, ALICE_PASSWORD).unbind_s()
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        by_python_ldap(door, dn, "not her password")
    service.unbind_s()


def test_python_ldap_binds_again_on_the_connection_that_searched(door: Gateway) -> None:
    connection = by_python_ldap(door, APP, PASSWORD)
    for _ in range(3):
        ((dn, _),) = connection.search_s(PEOPLE, ldap.SCOPE_SUBTREE, "(uid=alice)", ["uid"])
        connection.simple_bind_s(dn, ALICE_PASSWORD)
        assert ALICE in connection.whoami_s()
        connection.simple_bind_s(APP, PASSWORD)
    connection.unbind_s()


def test_ldap3_logs_in_by_uid(door: Gateway) -> None:
    service = by_ldap3(door, APP, PASSWORD)
    service.search(PEOPLE, "(&(objectClass=person)(uid=alice))", attributes=["cn", "mail"])
    (entry,) = service.entries
    assert str(entry.mail) == "alice@example.test"
    assert service.rebind(entry.entry_dn, ALICE_PASSWORD)
    with pytest.raises(exceptions.LDAPInvalidCredentialsResult):
        service.rebind(entry.entry_dn, "not her password")
    service.unbind()


def test_ldap3_logs_in_with_the_settings_it_comes_with(door: Gateway) -> None:
    # It reads the root DSE and the schema behind a bind, which no rule allows this account: it goes on without.
    service = by_ldap3(door, APP, PASSWORD, raise_exceptions=False, get_info=ldap3.SCHEMA)
    assert service.bound
    assert service.search(PEOPLE, "(uid=alice)", attributes=["uid"])
    service.unbind()
    with pytest.raises(exceptions.LDAPInsufficientAccessRightsResult):
        by_ldap3(door, APP, PASSWORD, get_info=ldap3.SCHEMA)


def test_tools_log_in_by_uid(door: Gateway) -> None:
    found = by_tool(door, "ldapsearch", *as_(APP, PASSWORD), "-LLL", "-b", PEOPLE, "(uid=alice)", "uid")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == f"dn: {ALICE}"
    assert by_tool(door, "ldapwhoami", *as_(ALICE, ALICE_PASSWORD)).stdout.replace(" ", "").strip() == f"dn:{ALICE}"
    assert by_tool(door, "ldapwhoami", *as_(ALICE, "not her password")).returncode == ldap.INVALID_CREDENTIALS.errnum


# Group lookup: of which groups is this DN a member?


@pytest.mark.parametrize("member", [ALICE, ALICE.upper(), ALICE.replace(",", ", ")])
def test_python_ldap_looks_up_groups(door: Gateway, member: str) -> None:
    service = by_python_ldap(door, APP, PASSWORD)
    found = service.search_s(GROUPS, ldap.SCOPE_SUBTREE, f"(&(objectClass=groupOfNames)(member={member}))", ["cn"])
    assert [attributes["cn"] for _, attributes in found] == [[b"staff"]]
    service.unbind_s()


def test_ldap3_looks_up_groups(door: Gateway) -> None:
    service = by_ldap3(door, APP, PASSWORD)
    service.search(GROUPS, f"(member={BOB})", attributes=["cn"])
    assert sorted(str(entry.cn) for entry in service.entries) == ["staff", "trivia"]
    with pytest.raises(exceptions.LDAPInsufficientAccessRightsResult):
        service.search(GROUPS, f"(member={BOB})", attributes=["cn", "member"])
    service.unbind()


# Address book: parts of names, page by page, as the person who looks.


def test_python_ldap_pages_through_the_address_book(door: Gateway) -> None:
    person = by_python_ldap(door, ALICE, ALICE_PASSWORD)
    page = controls.SimplePagedResultsControl(True, size=7, cookie="")
    found = 0
    while True:
        request = person.search_ext(
            PEOPLE, ldap.SCOPE_SUBTREE, "(|(cn=*olleag*)(mail=*olleag*))", ["cn", "mail"], serverctrls=[page]
        )
        _, rows, _, answered = person.result3(request)
        found += len(rows)
        page.cookie = answered[0].cookie
        if not page.cookie:
            break
    assert found == COLLEAGUES
    person.unbind_s()


def test_ldap3_pages_through_the_address_book(door: Gateway) -> None:
    person = by_ldap3(door, ALICE, ALICE_PASSWORD)
    found = person.extend.standard.paged_search(
        PEOPLE, "(&(objectClass=person)(|(mail=*olleag*)(cn=*olleag*)))", attributes=["cn", "mail"], paged_size=7
    )
    assert len(list(found)) == COLLEAGUES
    person.unbind()


def test_tool_completes_a_name_in_the_address_book(door: Gateway) -> None:
    found = by_tool(
        door, "ldapsearch", *as_(ALICE, ALICE_PASSWORD), "-LLL", "-E", "pr=5/noprompt", "-b", PEOPLE, "(cn=coll*)", "cn"
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("dn: ") == COLLEAGUES


def test_address_book_that_asks_for_everything_gets_what_it_may(door: Gateway) -> None:
    person = by_python_ldap(door, ALICE, ALICE_PASSWORD)
    ((dn, attributes),) = person.search_s(PEOPLE, ldap.SCOPE_SUBTREE, "(mail=bob@example.test)")
    assert (dn, attributes) == (BOB, {"cn": [b"Bob Baker"], "mail": [b"bob@example.test"]})
    person.unbind_s()


# Help desk: resets passwords of people, but of no service.


def test_python_ldap_resets_a_password_by_modify(door: Gateway) -> None:
    desk = by_python_ldap(door, DESK, PASSWORD)
    ((dn, _),) = desk.search_s(PEOPLE, ldap.SCOPE_SUBTREE, "(uid=bob)", ["uid"])
    desk.modify_s(dn, [(ldap.MOD_REPLACE, "userPassword", [b"reset-1-Gh"])])
    by_python_ldap(door, dn, "reset-1-Gh").unbind_s()
    desk.modify_s(dn, [(ldap.MOD_REPLACE, "userPassword", [ALICE_PASSWORD.encode()])])
    for refused in ((APP, "userPassword"), (dn, "mail")):
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            desk.modify_s(refused[0], [(ldap.MOD_REPLACE, refused[1], [b"x"])])
    desk.unbind_s()


def test_ldap3_resets_a_password_by_the_password_modify_operation(door: Gateway) -> None:
    desk = by_ldap3(door, DESK, PASSWORD)
    assert desk.extend.standard.modify_password(BOB, new_password=ALICE_PASSWORD)
    with pytest.raises(exceptions.LDAPInsufficientAccessRightsResult):
        desk.extend.standard.modify_password(APP, new_password="x")
    desk.unbind()
    by_ldap3(door, BOB, ALICE_PASSWORD).unbind()


def test_tool_resets_a_password(door: Gateway) -> None:
    reset = by_tool(door, "ldappasswd", *as_(DESK, PASSWORD), "-s", ALICE_PASSWORD, BOB)
    assert reset.returncode == 0, reset.stderr
    refused = by_tool(door, "ldappasswd", *as_(DESK, PASSWORD), "-s", "x", f"uid=hidden,{VAULT}")
    assert refused.returncode == 1
    assert "the help desk may only reset passwords of people" in refused.stdout


def test_python_ldap_person_changes_no_password_but_their_own(door: Gateway) -> None:
    person = by_python_ldap(door, ALICE, ALICE_PASSWORD)
    person.passwd_s(ALICE, ALICE_PASSWORD, ALICE_PASSWORD)
    person.passwd_s(None, ALICE_PASSWORD, ALICE_PASSWORD)
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        person.passwd_s(BOB, None, "x")
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        person.modify_s(BOB, [(ldap.MOD_REPLACE, "userPassword", [b"x"])])
    person.unbind_s()


# Monitoring: is the directory there, and what is it?


def test_python_ldap_monitors(door: Gateway) -> None:
    nobody = by_python_ldap(door)
    assert SUFFIX.encode() in nobody.read_rootdse_s(attrlist=["*", "+"])["namingContexts"]
    assert nobody.whoami_s() == ""
    nobody.simple_bind_s("", "")
    assert nobody.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["namingContexts"])
    nobody.unbind_s()


def test_ldap3_monitors(door: Gateway) -> None:
    nobody = by_ldap3(door, get_info=ldap3.DSA)
    assert SUFFIX in nobody.server.info.naming_contexts
    nobody.unbind()


def test_tools_monitor(door: Gateway) -> None:
    found = by_tool(door, "ldapsearch", "-LLL", "-s", "base", "-b", "", "namingContexts")
    assert f"namingContexts: {SUFFIX}" in found.stdout, found.stderr
    assert by_tool(door, "ldapwhoami").stdout.strip() == "anonymous"
    assert by_tool(door, "ldapsearch", "-b", SUFFIX).returncode == ldap.INSUFFICIENT_ACCESS.errnum


# What is refused comes as the libraries' ordinary exceptions.


def refused_calls(person: Any) -> Iterator[Any]:
    yield lambda: person.search_s(SUFFIX, ldap.SCOPE_SUBTREE, "(cn=*olleag*)")
    yield lambda: person.compare_s(BOB, "cn", b"x")
    yield lambda: person.add_s(f"uid=new,{PEOPLE}", [("objectClass", [b"account"])])
    yield lambda: person.modify_s(ALICE, [(ldap.MOD_REPLACE, "mail", [b"x"])])
    yield lambda: person.rename_s(ALICE, "uid=ally")
    yield lambda: person.delete_s(BOB)
    yield lambda: person.extop_s(ldap.extop.ExtendedRequest("1.2.3.4.5", None))
    yield lambda: person.simple_bind_s(f"cn=root,{SUFFIX}", "x")


def test_python_ldap_raises_its_own_exception(door: Gateway) -> None:
    person = by_python_ldap(door, ALICE, ALICE_PASSWORD)
    for call in refused_calls(person):
        with pytest.raises(ldap.INSUFFICIENT_ACCESS) as raised:
            call()
        assert raised.value.args[0]["info"] == "not allowed here"
    person.unbind_s()


def test_ldap3_raises_its_own_exception_or_tells_the_result(door: Gateway) -> None:
    refused = exceptions.LDAPInsufficientAccessRightsResult
    person = by_ldap3(door, ALICE, ALICE_PASSWORD)
    calls: tuple[Any, ...] = (
        lambda: person.search(SUFFIX, "(cn=*olleag*)", search_scope=ldap3.SUBTREE),
        lambda: person.compare(BOB, "cn", "x"),
        lambda: person.add(f"uid=new,{PEOPLE}", "account"),
        lambda: person.modify(ALICE, {"mail": [(ldap3.MODIFY_REPLACE, ["x"])]}),
        lambda: person.modify_dn(ALICE, "uid=ally"),
        lambda: person.delete(BOB),
        lambda: person.extended("1.2.3.4.5"),
    )
    for call in calls:
        with pytest.raises(refused):
            call()
    person.unbind()
    with pytest.raises(refused):
        by_ldap3(door, f"cn=root,{SUFFIX}", "x")
    quiet = by_ldap3(door, ALICE, ALICE_PASSWORD, raise_exceptions=False)
    assert not quiet.search(SUFFIX, "(cn=*olleag*)")
    assert (quiet.result["result"], quiet.result["description"]) == (50, "insufficientAccessRights")
    quiet.unbind()


def test_libraries_are_told_that_the_gateway_is_busy(gateway: GatewayFactory, openldap: Directory) -> None:
    running = gateway([gateways.listener("plain")], [gateways.upstream(openldap.plain)], plugins=BUSY)
    client = by_python_ldap(running)
    assert client.search_s("", ldap.SCOPE_BASE)
    with pytest.raises(ldap.BUSY):
        client.search_s("", ldap.SCOPE_BASE)
    client.unbind_s()
    another = by_ldap3(running)
    with pytest.raises(exceptions.LDAPBusyResult):
        another.search("", "(objectClass=*)", search_scope=ldap3.BASE)
    another.unbind()
    assert by_tool(running, "ldapsearch", "-s", "base", "-b", "").returncode == ldap.BUSY.errnum
