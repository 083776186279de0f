"""The steps of the tour that meet the demo's policy: what each asks, what is refused, and by which rule.

policy.toml is that policy. Prints nothing: see tour.py.
"""

from __future__ import annotations

import asyncio

from ostiary._core import AttributeDescription, Dn, Filter, Message, SearchRequest
from ostiary.demo.client import Client
from ostiary.demo.result import ResultCode
from ostiary.demo.stage import Account, Notes, Stage
from ostiary.demo.steps import ALICE, PEOPLE, WIKI, Step, bind, entries_of, no_bind_arrived, search, show
from ostiary.plugins.chain import explained

__all__ = ["POLICED_STEPS"]

BOB = f"uid=bob,{PEOPLE}"
MALLORY = Account(f"uid=mallory,{PEOPLE}", "sesame")
HIDDEN = "telephoneNumber"
GUESSES = ("password", "password", "123456", "letmein")
ELSEWHERE = "127.0.0.2"
"""Another client of this machine. Linux has all of 127/8 on its loopback interface."""
SEARCHES_MOST = 60
"""Far beyond the burst that policy.toml allows."""

_SUBTREE = 2


def _explain(stage: Stage, notes: Notes, who: Account, request: SearchRequest) -> None:
    """Tells which rule decides about a request and which criterion failed: what `ostiary explain` says."""
    assert stage.policy is not None
    told = explained(stage.policy, "guarded", "127.0.0.1", True, None, who.name, Message(1, request).encode())
    notes.explain(f"explain: {told['verdict']} by rule {told['rule']} of plugin {told['plugin']}")
    for row in told["trace"]:
        # Rules about other listeners or identities were not near.
        if row["failed"] and not {"listener", "identity"} & {each["criterion"] for each in row["failed"]}:
            failed = "; ".join(f"{each['criterion']}: {each['asked']}" for each in row["failed"])
            notes.explain(f"rule {row['rule']} does not match: {failed}")


async def _refused(stage: Stage, notes: Notes, client: Client, who: Account, condition: str, *attributes: str) -> None:
    """Searches for what the policy refuses, and tells why it does."""
    before = stage.arrived
    request = SearchRequest(PEOPLE, _SUBTREE, Filter(condition), attributes)
    notes.ask(f"search {condition} below {PEOPLE}")
    notes.expect_code(await client.request(request), ResultCode.INSUFFICIENT_ACCESS_RIGHTS)
    _explain(stage, notes, who, request)
    notes.expect(stage.arrived == before, "nothing at the directory")


async def ask_for_more_than_is_allowed(stage: Stage, notes: Notes) -> None:
    async with stage.connect("guarded", notes) as client:
        await bind(client, WIKI, notes)
        for entry in await search(client, notes, PEOPLE, "(uid=alice)", "cn", "mail"):
            notes.receive(show(entry, "cn", "mail"))
        await _refused(stage, notes, client, WIKI, "(cn=a*)", "cn", "mail")


async def ask_for_what_is_hidden(stage: Stage, notes: Notes) -> None:
    hidden = AttributeDescription(HIDDEN)
    async with stage.connect("guarded", notes) as client:
        await bind(client, ALICE, notes)
        entries = await search(client, notes, PEOPLE, "(uid=bob)")
        for entry in entries:
            notes.receive(show(entry, "cn", "mail", HIDDEN))
        shown = {AttributeDescription(attribute.description) for entry in entries for attribute in entry.attributes}
        if stage.directory is not None:
            kept = set(stage.directory.tree.find(Dn(BOB)).attributes)
            notes.explain(f"the directory sent {HIDDEN} too, and the gateway cut it out")
            notes.expect(hidden in kept, "a telephone number in the directory")
        notes.expect(bool(shown) and hidden not in shown, "an entry without it")
        await _refused(stage, notes, client, ALICE, f"({HIDDEN}=*0101)", "cn")
        notes.explain("what is hidden must not be found out by searching for it")


async def ask_too_often(stage: Stage, notes: Notes) -> None:
    request = SearchRequest(PEOPLE, _SUBTREE, Filter("(uid=alice)"), ["cn"])
    async with stage.connect("guarded", notes) as client:
        await bind(client, WIKI, notes)
        before, found, answer = stage.arrived, 0, None
        notes.ask("search (uid=alice), again and again")
        for _ in range(SEARCHES_MOST):
            answer = await client.request(request)
            found += len(entries_of(answer))
            if answer.result.result_code != ResultCode.SUCCESS:
                break
        notes.receive(f"{found} times the entry, then:")
        assert answer is not None
        notes.expect_code(answer, ResultCode.BUSY)
        notes.explain("limit searches: 5 a second and 15 at once for one client; others have their own")
        notes.expect(stage.directory is None or stage.arrived == before + found, "nothing beyond at the directory")
        await asyncio.sleep(0.3)
        notes.ask("the same, a moment later")
        notes.expect_code(await client.request(request), ResultCode.SUCCESS)


async def guess_passwords(stage: Stage, notes: Notes) -> None:
    before = stage.arrived
    async with stage.connect("guarded", notes) as client:
        for guess in GUESSES:
            notes.ask(f"bind as {MALLORY.name} with the password {guess}")
            notes.expect_code(await client.bind(MALLORY.name, guess), ResultCode.INVALID_CREDENTIALS)
        asked = _binds(stage, before)
        notes.explain(f"the directory was asked {asked} times: a password that it refused, it is not asked about again")
        notes.expect(stage.directory is None or asked == len(set(GUESSES)), "each password once at the directory")
        locked_from = stage.arrived
        notes.ask("bind with the right password, from the same address")
        answer = await client.bind(MALLORY.name, MALLORY.password)
        notes.expect_code(answer, ResultCode.INVALID_CREDENTIALS)
        notes.explain("three failures lock this client out of this account, for 5 seconds at first")
        notes.expect(no_bind_arrived(stage, locked_from), "no bind with a name at the directory")
    await _bind_from_elsewhere(stage, notes)


async def _bind_from_elsewhere(stage: Stage, notes: Notes) -> None:
    try:
        async with stage.connect("guarded", notes, ELSEWHERE) as client:
            notes.ask(f"bind with the right password, from {ELSEWHERE}")
            notes.expect_code(await client.bind(MALLORY.name, MALLORY.password), ResultCode.SUCCESS)
            notes.explain("nobody can lock somebody else out")
    except OSError:
        notes.explain(f"this machine has no second address to bind from: {ELSEWHERE}")


def _binds(stage: Stage, before: int) -> int:
    """How many binds with a name the directory saw since."""
    seen = [] if stage.directory is None else list(stage.directory.seen)[before:]
    return sum(each.kind == "bind" and bool(each.name) for each in seen)


POLICED_STEPS = (
    Step(
        "allow-list",
        "The wiki may look people up by uid, and nothing else",
        "one entry, then refused by the gateway: insufficientAccessRights (50)",
        ask_for_more_than_is_allowed,
    ),
    Step(
        "redact",
        "An attribute that is nobody's business",
        "cut out of the entry, and no filter may test it",
        ask_for_what_is_hidden,
    ),
    Step("rate-limit", "A client in a loop", "busy (51) for that client, and soon an answer again", ask_too_often),
    Step(
        "lockout",
        "Somebody guesses passwords",
        "answered by the gateway after three wrong ones; the account stays open for others",
        guess_passwords,
    ),
)
"""The rest of the tour of the demo's own directory: what the listener `guarded` is guarded by."""
