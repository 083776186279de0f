"""The tables of `[[plugins]]`: what they may say, and every fault they and the plugins' own keys can have."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from ostiary import _core
from ostiary.config import Config, schema
from ostiary.config.meaning import meaning
from ostiary.config.notices import notices
from ostiary.plan import plan
from ostiary.plugins import PASS, Verdict
from ostiary.plugins.chain import revived
from ostiary.plugins.client import Client
from ostiary.plugins.hooks import HookChain
from ostiary.testing import bind, search

from .files import VALID, faults

MODULE = "tests.plugins.module"
NOT_INSTALLED = 'no plugin of this name is installed; did you mean allow_list?: "alow_list"'
NO_PLUGIN = 'not a plugin; write the name of one that is installed, or "package.module:Class": "a b:C"'
NO_NAME = 'use up to 64 letters, digits, dots, dashes and underscores: "a b"'
NO_MODE = 'expected "enforce" or "monitor"; did you mean monitor?: "moniter"'
NO_HOOKS = "no effect, as allow_list has no hooks; remove it"
RULES = """
[[plugins]]
use = "allow_list"
default = "deny"
[[plugins.rules]]
name = "wiki-login"
from = ["10.20.0.0/16"]
identity = "cn=wiki,ou=services,dc=corp,dc=example"
operations = ["bind", "search"]
base = "ou=people,dc=corp,dc=example"
scope = ["one", "sub"]
filter = "(&(objectClass=person)(uid=?))"
attributes = ["uid", "cn", "mail"]

[[plugins]]
use = "rate_limit"
[[plugins.limits]]
name = "binds-per-client"
operations = ["bind"]
key = ["client"]
rate = "20/s"
burst = 40
exceeded = "busy"
"""


def of_plugin(directory: Path, text: str, use: str = f"{MODULE}:House") -> dict[str, str]:
    """Faults of a plugin with these keys, by their paths from the plugin on."""
    found = faults(f'{VALID}[[plugins]]\nuse = "{use}"\n{text}', directory)
    return {path.removeprefix("plugins[0]").removeprefix("."): message for path, message in found.items()}


def read(directory: Path, text: str) -> Config:
    return Config.from_toml(VALID + text, directory)


def test_example_of_the_design_is_read_as_printed(certificates: Path) -> None:
    config = read(certificates, RULES)
    assert [each.name for each in config.plugins] == ["allow_list", "rate_limit"]
    told = plan(config)
    stages = json.loads(told.policy or "")["stages"]
    assert [(each["plugin"], each["mode"], *each["rules"]) for each in stages] == [
        ("allow_list", "enforce", "allow_list"),
        ("rate_limit", "enforce", "rate_limit"),
    ]
    rule = stages[0]["rules"]["allow_list"]["rules"][0]
    assert rule["from"] == ["10.20.0.0/16"]
    assert rule["base"] == "ou=people,dc=corp,dc=example"
    assert told.hooks == ()
    assert Config.model_validate(config) == config
    assert config.model_dump(mode="json")["plugins"][1]["limits"][0]["burst"] == 40


def test_configuration_without_plugins_has_no_policy(certificates: Path) -> None:
    told = plan(read(certificates, ""))
    assert (told.policy, told.hooks) == (None, ())


def test_every_fault_of_rules_is_told_at_its_key(certificates: Path) -> None:
    told = of_plugin(
        certificates,
        """
        defualt = "deny"
        code = "noSuchCode"
        [[plugins.rules]]
        name = "a b"
        efect = "deny"
        operations = ["bind", "serch"]
        [[plugins.rules]]
        from_ = ["10.0.0.0/8"]
        identity = { wihtin = "dc=x" }
        size_limit = "5"
        certificate = { subject = "cn=a", san = "b" }
        scope = 3
        [[plugins.rules]]
        name = "c"
        identity = ["cn=a,dc=x", 5]
        code = 0
        tls = "yes"
        changes = []
        """,
        use="allow_list",
    )
    assert told == {
        "defualt": "unknown key; did you mean default?",
        "code": 'not a result code; write its number, or its name as "insufficientAccessRights": "noSuchCode"',
        "rules[0].name": 'use up to 64 letters, digits, dots, dashes and underscores: "a b"',
        "rules[0].efect": "unknown key; did you mean effect?",
        "rules[0].operations[1]": 'expected "bind", "search", "compare", "add", "modify", "delete", "modify_dn" or '
        '"extended"; did you mean search?: "serch"',
        "rules[1].name": "missing",
        "rules[1].from_": "unknown key; did you mean from?",
        "rules[1].identity.wihtin": "unknown key; did you mean within?",
        "rules[1].size_limit": 'expected a whole number: "5"',
        "rules[1].certificate": "write exactly one of subject, within, san: a table",
        "rules[1].scope": 'expected "base", "one", "sub" or "children": 3',
        "rules[2].identity[1]": "expected text in quotes: 5",
        "rules[2].code": "success refuses nothing; choose another result code: 0",
        "rules[2].tls": 'expected true or false: "yes"',
        "rules[2].changes": "the list is empty; at least one is needed",
    }


def test_faults_of_values_hide_none_of_the_rules(certificates: Path) -> None:
    rate_limit = """
        [[plugins]]
        use = "rate_limit"
        [[plugins.limits]]
        name = "a"
        operations = "bnd"
        key = "clinet"
        rate = 20
        """
    told = of_plugin(
        certificates,
        f"""
        defualt = "deny"
        [[plugins.rules]]
        name = "x"
        from = ["10.0.0.0/8", "10.0.0.0/33"]
        base = ""
        filter = "(uid=a?)"
        scope = "subtree"
        [[plugins.rules]]
        name = "x"
        identity = {{ within = "dc" }}
        {rate_limit}
        """,
        use="allow_list",
    )
    assert list(told) == [
        "defualt",
        "rules[0].from[1]",
        "rules[0].base",
        "rules[0].filter",
        "rules[0].scope",
        "rules[1].name",
        "rules[1].identity.within",
        "plugins[1].limits[0].operations",
        "plugins[1].limits[0].key",
        "plugins[1].limits[0].rate",
    ]
    assert "rootDSE" in told["rules[0].base"]


LISTENED = """
[[plugins]]
use = "allow_list"
[[plugins.rules]]
name = "a"
listener = "ldap"
[[plugins.rules]]
name = "b"
effect = "deny"
listener = ["ldaps", "LDAPS", "elsewhere"]
[[plugins.rules]]
name = "c"
listener = ["ldaps"]

[[plugins]]
use = "redact"
[[plugins.rules]]
name = "d"
listener = "inner"
attributes = ["mail"]
unless = { listener = ["ldap"] }
"""
ELSEWHERE = "no listener of this name; known: ldaps"


def test_listeners_that_rules_name_must_be_there(certificates: Path) -> None:
    found = faults(VALID + LISTENED, certificates)
    assert found == {
        "plugins[0].rules[0].listener": 'no listener of this name; did you mean ldaps?: "ldap"',
        "plugins[0].rules[1].listener[1]": f'{ELSEWHERE}: "LDAPS"',
        "plugins[0].rules[1].listener[2]": f'{ELSEWHERE}: "elsewhere"',
        "plugins[1].rules[0].listener": f'{ELSEWHERE}: "inner"',
        "plugins[1].rules[0].unless.listener[0]": 'no listener of this name; did you mean ldaps?: "ldap"',
    }
    inner = VALID.replace('name = "ldaps"', 'name = "inner"')
    assert set(faults(inner + LISTENED.replace('"inner"', '["inner"]'), certificates)) == {
        "plugins[0].rules[0].listener",
        *(f"plugins[0].rules[1].listener[{place}]" for place in range(3)),
        "plugins[0].rules[2].listener[0]",
        "plugins[1].rules[0].unless.listener[0]",
    }


def test_faults_of_listeners_hide_and_make_none_of_their_names(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnamed = VALID.replace('name = "ldaps"', 'name = "l d"')
    assert set(faults(unnamed + LISTENED, certificates)) == {"listeners[0].name"}
    assert set(faults(VALID + LISTENED.replace('effect = "deny"', 'effect = "dney"'), certificates)) == {
        "plugins[0].rules[1].effect",
        *faults(VALID + LISTENED, certificates),
    }
    monkeypatch.setenv("INNER", "hunter2")
    told = of_plugin(certificates, '[[plugins.rules]]\nname = "a"\nlistener = "${env:INNER}"', use="allow_list")
    assert told == {"rules[0].listener": f'{ELSEWHERE}: "${{env:INNER}}"'}


def test_listeners_of_rules_that_a_plugin_made_are_told(certificates: Path) -> None:
    text = 'mine = { rules = [{ name = "a", listener = "ldasp" }] }\nlisteners = ["inner"]'
    assert of_plugin(certificates, text, use=f"{MODULE}:Listening") == {
        "mine.rules[0].listener": 'no listener of this name; did you mean ldaps?: "ldasp"',
        "": f'allow_list.rules[0].listener[0], which the plugin made: {ELSEWHERE}: "inner"',
    }


def test_own_keys_of_a_stranger_are_validated_likewise(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER", "thief")
    assert of_plugin(certificates, 'owner = "alice"\nhours = [9, 17]\nfront = "none"') == {}
    told = of_plugin(
        certificates,
        """
        owner = "${env:OWNER}"
        password = 7
        hours = [9]
        wait = 0
        front = { name = "big", wdie = 2 }
        doors = [{ wide = "2" }, { name = "back", width = 1 }]
        """,
    )
    assert told == {
        "owner": 'not an owner; write another name than ${env:OWNER}: "${env:OWNER}"',
        "password": "expected text in quotes",
        "hours[1]": "missing",
        "wait": "must be at least 0.01: 0",
        "front.wdie": "unknown key; did you mean wide?",
        "doors[0].name": "missing",
        "doors[0].wide": 'expected a whole number: "2"',
        "doors[1].width": "unknown key; did you mean wide?",
    }


def test_secrets_are_never_shown(certificates: Path) -> None:
    config = read(certificates, f'[[plugins]]\nuse = "{MODULE}:House"\npassword = "hunter2"')
    assert "hunter2" not in json.dumps(config.model_dump(mode="json"))
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(plan(config))
    assert "hunter2" not in str(meaning(config))


def test_files_start_at_the_directory_of_the_configuration(certificates: Path) -> None:
    assert of_plugin(certificates, 'plan = "prose"') == {}
    told = of_plugin(certificates, 'plan = "nowhere"')
    assert told == {"": f"not readable: {certificates}/nowhere: no such file or directory"}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", {"use": "missing"}),
        ("use = 5", {"use": "expected text in quotes: 5"}),
        ('use = "alow_list"', {"use": NOT_INSTALLED}),
        ('use = "a b:C"', {"use": NO_PLUGIN}),
        ('use = "allow_list"\nname = "a b"', {"name": NO_NAME}),
        ('use = "allow_list"\nmode = "moniter"', {"mode": NO_MODE}),
        ('use = "allow_list"\ntime_limit_seconds = 2', {"time_limit_seconds": NO_HOOKS}),
    ],
)  # fmt: skip
def test_common_keys_are_checked(certificates: Path, keys: str, told: dict[str, str]) -> None:
    found = faults(f"{VALID}[[plugins]]\n{keys}", certificates)
    assert {path.removeprefix("plugins[0]."): message for path, message in found.items()} == told


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("Misspelt", "no such hook: on_serch; did you mean on_search?"),
        ("Swapped", "on_search has another signature; write def on_search(self, client, request)"),
        ("Short", "on_finished has another signature; write def on_finished(self, client, request, result)"),
        ("Demanding", "on_search has another signature; write def on_search(self, client, request)"),
        ("Yielding", "on_search yields, where it has to return a verdict; write def on_search(self, client, request)"),
        ("Static", "on_search is no method; write def on_search(self, client, request)"),
        ("Worded", "on_search is no method; write def on_search(self, client, request)"),
        ("Loose", "Loose.Options lets unknown keys pass; leave extra as it is"),
        ("Bare", "Bare.Options is no class derived from ostiary.plugins.Options"),
        ("Greedy", "Greedy.Options has keys that every plugin has already: mode"),
        ("NoPlugin", "no plugin: derive the class from ostiary.plugins.Plugin"),
        ("Hous", f"no such class in {MODULE}; did you mean House?"),
    ],
)
def test_class_that_cannot_be_asked_is_told(certificates: Path, use: str, message: str) -> None:
    assert of_plugin(certificates, "", use=f"{MODULE}:{use}") == {"use": f'{message}: "{MODULE}:{use}"'}


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("tests.plugins.broken_module:House", "cannot be imported: RuntimeError: not today"),
        ("tests.nowhere:House", "no such module; install it, or add its folder to PYTHONPATH"),
    ],
)
def test_module_that_cannot_be_loaded_is_told(certificates: Path, use: str, message: str) -> None:
    assert of_plugin(certificates, "", use=use) == {"use": f'{message}: "{use}"'}


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("Raising", "the plugin failed: ZeroDivisionError: by chance"),
        ("Refusing", "the moon is full; wait"),
        ("Ruleless", "rules() gave something that is no ostiary.plugins.Rules: dict"),
        ("Unpicklable", "its options cannot be handed to a worker: AttributeError"),
    ],
)
def test_plugin_that_cannot_be_made_is_told(certificates: Path, use: str, message: str) -> None:
    assert of_plugin(certificates, "", use=f"{MODULE}:{use}") == {"": message}


def test_names_are_unique(certificates: Path) -> None:
    twice = '[[plugins]]\nuse = "limits"\n'
    assert faults(VALID + twice * 2, certificates) == {
        "plugins[1].name": 'taken by plugins[0]; choose another: "limits"'
    }
    assert faults(f'{VALID}{twice}{twice}name = "others"', certificates) == {}


def test_two_packages_with_a_plugin_of_one_name_are_told(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        metadata.EntryPoint("allow_list", "ostiary.plugins.allow_list:AllowList", "ostiary.plugins"),
        metadata.EntryPoint("allow_list", f"{MODULE}:Quiet", "ostiary.plugins"),
    ]
    monkeypatch.setattr("ostiary.plugins.loading._entry_points", lambda: metadata.EntryPoints(points))
    (message,) = of_plugin(certificates, "", use="allow_list").values()
    assert message.startswith('two packages bring a plugin of this name; write "package.module:Class": ')


class Core:
    """Stands in for the core's `Policy`: it finds what it is told to find."""

    found: list[tuple[int, str, str]] = []  # noqa: RUF012  (set by tests)

    @classmethod
    def faults(cls, _policy: str) -> list[tuple[int, str, str]]:
        return cls.found

    @classmethod
    def warnings(cls, _policy: str) -> list[tuple[int, str, str]]:
        return cls.found


def core_finds(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, str, str]) -> None:
    monkeypatch.setattr(_core, "Policy", Core, raising=False)
    monkeypatch.setattr(Core, "found", list(found))


def test_what_the_core_finds_is_told_at_its_key(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core_finds(
        monkeypatch,
        (0, "rules[0].filter", "not a filter: (x"),
        (0, "rules[0].base[0]", "not a DN: a"),
        (1, "limits[0].rate", "bad"),
    )
    assert faults(VALID + RULES, certificates) == {
        "plugins[0].rules[0].filter": "not a filter: (x",
        "plugins[0].rules[0].base": "not a DN: a",
        "plugins[1].limits[0].rate": "bad",
    }


def test_what_the_core_finds_shows_no_environment(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE", "hunter2")
    core_finds(monkeypatch, (0, "rules[0].base", "not a DN: hunter2"))
    text = RULES.replace('base = "ou=people,dc=corp,dc=example"', 'base = "${env:BASE}"')
    assert faults(VALID + text, certificates) == {"plugins[0].rules[0].base": "not a DN: ${env:BASE}"}


def test_faults_of_rules_that_a_plugin_made_are_told_at_the_plugin(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core_finds(monkeypatch, (0, "rules[0].from", "no network"), (1, "x[3].y", "no number"))
    assert of_plugin(certificates, "mine = {}", use=f"{MODULE}:Ruled") == {
        "mine.rules[0].from": "no network",
        "": "limits.x[3].y, which the plugin made: no number",
    }


def test_warnings_of_the_core_are_notices(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core_finds(monkeypatch)
    config = read(certificates, RULES)
    core_finds(monkeypatch, (0, "wiki-login", "can never match"), (1, "elsewhere", "odd"))
    assert [(each.path, each.message) for each in notices(config)] == [
        ("plugins[0].rules[0]", "rule wiki-login: can never match"),
        ("plugins[1]", "rule elsewhere: odd"),
    ]


def test_monitor_mode_is_a_notice(certificates: Path) -> None:
    config = read(certificates, '[[plugins]]\nuse = "limits"\nmode = "monitor"')
    assert [each.path for each in notices(config)] == ["plugins[0].mode"]


def test_meaning_tells_what_plugins_do(certificates: Path) -> None:
    config = read(certificates, f'{RULES}[[plugins]]\nuse = "{MODULE}:House"\nname = "house"\nowner = "alice"')
    words = {title: " / ".join(sentences) for title, sentences in meaning(config)}
    assert "asks 1 rules in order: 1 allow, 0 deny / refuses what none of them matches" in words["plugin allow_list"]
    assert words["plugin rate_limit"] == "binds-per-client: 20/s by client, for every bind"
    assert words["plugin house"].startswith("belongs to alice / is asked live about bind, search")


async def test_hooks_are_revived_from_a_plan(certificates: Path) -> None:
    text = f'{RULES}[[plugins]]\nuse = "{MODULE}:House"\nname = "house"\nowner = "alice"\ntime_limit_seconds = 5'
    told = plan(read(certificates, text))
    (hooks,) = told.hooks
    assert (hooks.stage, hooks.name, hooks.monitor, hooks.time_limit_seconds) == (2, "house", False, 5)
    assert json.loads(told.policy or "")["stages"][2]["rules"] == {
        "hook": {
            "operations": ["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"],
            "finished": ["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"],
        }
    }
    chain = HookChain([revived(hooks)])
    client = Client(7, None, "ldapi")
    assert chain.run(2, client, search()) is PASS
    verdict: Any = chain.run(2, client, bind("cn=x", "y"))
    assert not isinstance(verdict, Verdict)
    assert (await verdict).text == "7 bind"
    assert chain.plugin(2) == "house"
    assert (chain.asks_connect, chain.observes, chain.follows) == (True, True, True)


def test_schema_knows_the_keys_of_built_in_plugins() -> None:
    document = schema()
    forms = document["properties"]["plugins"]["items"]["oneOf"]
    assert [each.get("$ref") for each in forms] == [
        *(f"#/$defs/{name}Plugin" for name in ("AllowList", "BindGuard", "Limits", "RateLimit", "Redact")),
        None,
    ]
    allow_list = document["$defs"]["AllowListPlugin"]
    assert allow_list["properties"]["use"]["const"] == "allow_list"
    assert "from" in document["$defs"]["AllowListRule"]["properties"]
