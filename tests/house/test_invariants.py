"""What the architecture promises, asked of the tree: arrows, sizes, names, and who may import what."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ostiary.cli.application import VERBS

from .tree import ROOT, below, files, imports, module, name

# Each crate, and the crates of ours that it may know.
ARROWS: dict[str, set[str]] = {
    "rust/ber": set(),
    "rust/ldap": {"ostiary-ber"},
    "rust/arena": set(),
    "rust/policy": {"ostiary-arena", "ostiary-ber", "ostiary-ldap"},
    "rust/ledger": {"ostiary-arena", "ostiary-ldap", "ostiary-policy"},
    "rust/session": {"ostiary-ber", "ostiary-ldap", "ostiary-ledger", "ostiary-policy"},
    "rust/driver": {"ostiary-ledger", "ostiary-session"},
    "rust/bindings": {
        "ostiary-arena",
        "ostiary-ber",
        "ostiary-driver",
        "ostiary-ldap",
        "ostiary-ledger",
        "ostiary-policy",
        "ostiary-session",
    },
    "rust/fuzz": {"ostiary-ber", "ostiary-ldap", "ostiary-policy", "ostiary-session"},
    # A referee that shares the player's decoder shares its faults.
    "benches/load": set(),
}
# What the core may use of others: nothing with a socket, a clock, a thread or a log.
CORE = {
    "rust/ber": {"thiserror"},
    "rust/ldap": {"smallvec", "stringprep", "thiserror", "unicode-normalization"},
    # Descriptors of memory, not of sockets: rustix is asked for seals alone.
    "rust/arena": {"memmap2", "rustix", "siphasher"},
    "rust/policy": {
        "ipnet",
        "prefix-trie",
        "rustls-pki-types",
        "serde",
        "serde_json",
        "smallvec",
        "thiserror",
        "webpki",
    },
    "rust/ledger": {"serde"},
    "rust/session": {"rustls", "smallvec", "thiserror"},
}
DENIED = {
    "unwrap_used", "expect_used", "indexing_slicing", "arithmetic_side_effects", "panic", "todo", "unreachable",
}  # fmt: skip
# Who may know the core: the driver, and what is made of its values: plugins, their tests, and the demo.
CORE_IMPORTERS = re.compile(
    r"ostiary(\.asking|\.connection|\.counters|\.decisions|\.driving|\.gateway|\.link|\.listener|\.place|\.policing|\.seeing|\.source|\.supervisor|\.upstream|\.tls\.rustls|\.plugins(\..+)?"
    r"|\.testing|\.cli\.explain|\.demo\..+)?"
)
# What a part of the package must not import, even for types.
STRANGERS = {
    "ostiary.config": r"ostiary\.(cli|connection|demo|gateway|link|listener|testing|upstream)\b",
    "ostiary.plugins": r"ostiary\.(cli|connection|demo|gateway|link|listener|testing|tls|upstream|worker)\b",
    "ostiary.testing": r"ostiary\.(cli|connection|demo|gateway|link|listener|tls|upstream|worker)\b",
    "ostiary.tls": r"ostiary\.(cli|connection|demo|gateway|link|listener|plugins|testing|upstream)\b",
    "ostiary.log": r"ostiary\.",
    "ostiary.notify": r"ostiary\.",
    "ostiary.errors": r"ostiary\.",
    "ostiary.pem": r"ostiary\.",
    "ostiary.connection": r"ostiary\.(cli|demo|gateway)\b",
    "ostiary.driving": r"ostiary\.(?!_core$|_core\.)",
    "ostiary.relay": r"ostiary\.(_core|cli|config|connection|demo|gateway|link|listener|tls)\b",
    "ostiary.link": r"ostiary\.(cli|config|demo|gateway|listener|tls|upstream)\b",
    "ostiary.listener": r"ostiary\.(cli|config|demo|gateway|tls)\b",
    "ostiary.upstream": r"ostiary\.(cli|config|demo|gateway|listener)\b",
    "ostiary.gateway": r"ostiary\.(cli|config|demo|supervisor|tls)\b",
    "ostiary.supervisor": r"ostiary\.(_core|cli|config|connection|demo|gateway|listener|plugins|tls|upstream)\b",
    "ostiary.keeping": r"ostiary\.(_core|cli|config|connection|demo|gateway|listener|plugins|tls|upstream)\b",
    "ostiary.operating": r"ostiary\.(_core|cli|config|connection|demo|gateway|listener|plugins|tls|upstream)\b",
    "ostiary.reloading": r"ostiary\.(_core|cli|config|connection|demo|gateway|listener|plugins|tls|upstream)\b",
    "ostiary.commanding": r"ostiary\.(?!log$)",
    "ostiary.watching": r"ostiary\.(?!plan$|reloading$|plan\.|reloading\.)",
    "ostiary.control": r"ostiary\.",
    "ostiary.cores": r"ostiary\.",
    "ostiary.plan": r"ostiary\.(_core|cli|connection|demo|gateway|link|listener|upstream)\b",
    "ostiary.tracing": r"ostiary\.(_core|cli|config|connection|demo|gateway|link|listener|plugins|tls|upstream)\b",
    "ostiary.audit": r"ostiary\.(_core|cli|connection|demo|gateway|link|listener|plugins|upstream|worker)\b",
    "ostiary.worker": r"ostiary\.(_core|cli|config|connection|demo|link|listener|tls|upstream)\b",
    "ostiary.demo": r"ostiary\.cli\b",
    "ostiary.admin": r"ostiary\.(_core|cli|config|connection|demo|gateway|link|listener)\b"
    r"|ostiary\.(plan|plugins|tls|upstream|worker)\b",
    "ostiary.metrics": r"ostiary\.",
}
VAGUE = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}


def _manifest(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "Cargo.toml").read_text())


def test_every_crate_is_known_here() -> None:
    crates = {name(each.parent) for each in files(".toml") if each.name == "Cargo.toml"} - {"."}
    assert crates == set(ARROWS)


@pytest.mark.parametrize("crate", ARROWS)
def test_crates_know_only_those_below(crate: str) -> None:
    known = {each for each in _manifest(crate)["dependencies"] if each.startswith("ostiary-")}
    assert known <= ARROWS[crate]


@pytest.mark.parametrize("crate", CORE)
def test_core_uses_nothing_with_a_socket_a_clock_or_a_log(crate: str) -> None:
    assert {each for each in _manifest(crate)["dependencies"] if not each.startswith("ostiary-")} <= CORE[crate]


@pytest.mark.parametrize("crate", CORE)
def test_core_denies_what_may_panic(crate: str) -> None:
    root = (ROOT / crate / "src/lib.rs").read_text()
    denied = re.search(r"cfg_attr\(\s*not\(test\),\s*deny\((.*?)\)", root, re.DOTALL)
    assert denied is not None
    assert {each.strip().removeprefix("clippy::") for each in denied[1].split(",") if each.strip()} >= DENIED


def test_core_has_no_escape_from_what_it_denies() -> None:
    escape = re.compile(rf"(allow|expect)\(\s*clippy::({'|'.join(DENIED)})\b")
    assert [name(each) for folder in CORE for each in below(folder, ".rs") if escape.search(each.read_text())] == []


def test_unsafe_is_forbidden_but_for_one_file() -> None:
    lints = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["lints"]
    assert lints["rust"]["unsafe_code"] == "forbid"
    for crate in set(ARROWS) - {"rust/fuzz", "rust/arena"}:
        assert _manifest(crate)["lints"] == {"workspace": True}, crate
    # The arena maps memory. It keeps all the other lints, and says of each block why it is sound.
    own = _manifest("rust/arena")["lints"]
    assert own["rust"]["unsafe_code"] == "deny"
    assert own["clippy"]["undocumented_unsafe_blocks"] == "deny"
    for tool, kept in lints.items():
        assert {lint: level for lint, level in own[tool].items() if lint in kept and lint != "unsafe_code"} == {
            lint: level for lint, level in kept.items() if lint != "unsafe_code"
        }
    written = re.compile(r"\bunsafe\s*(\{|fn|impl|extern|trait)|\b(allow|expect)\(\s*unsafe_code")
    assert [name(each) for each in files(".rs") if written.search(each.read_text())] == ["rust/arena/src/region.rs"]


def test_rust_never_calls_python() -> None:
    call = re.compile(r"\.call(0|1|_method|_method0|_method1)?\(|py\.(run|eval|import)\(")
    found = [each for each in below("rust/bindings", ".rs") if call.search(each.read_text())]
    assert [name(each) for each in found] == []


def test_files_stay_small() -> None:
    large = {}
    for path in files(".rs", ".py", ".pyi", ".md"):
        is_test = name(path).startswith("tests/") or "/tests/" in name(path) or path.stem == "tests"
        lines = len(path.read_text().splitlines())
        if lines > (800 if is_test else 600):
            large[name(path)] = lines
    assert large == {}


def test_files_say_what_they_are() -> None:
    silent = [each for each in below("rust", ".rs") if not each.read_text().startswith("//!")]
    silent += [
        each
        for folder in ("python", "benches", "examples")
        for each in below(folder, ".py")
        if each.read_text() and not each.read_text().startswith('"""')
    ]
    assert [name(each) for each in silent if "benches/__init__" not in name(each)] == []


def test_names_say_what_things_are() -> None:
    vague = [name(each) for each in files(".rs", ".py") if VAGUE & set(each.stem.split("_"))]
    getters = [
        name(each)
        for each in (*below("rust", ".rs"), *below("python", ".py", ".pyi"))
        if re.search(r"\b(fn|def) _?get_", each.read_text())
    ]
    assert (vague, getters) == ([], [])


def test_nothing_is_left_for_later() -> None:
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    sources = files(".rs", ".py", ".pyi", ".md", ".toml")
    assert [name(each) for each in sources if mark.search(each.read_text())] == []


def test_only_the_driver_and_the_demo_import_the_core() -> None:
    importers = {
        module(each) for each in below("python", ".py") if any(one.startswith("ostiary._core") for one in imports(each))
    }
    assert sorted(each for each in importers if not CORE_IMPORTERS.fullmatch(each)) == []


@pytest.mark.parametrize("part", STRANGERS)
def test_parts_of_the_package_do_not_know_what_is_above(part: str) -> None:
    strange = re.compile(STRANGERS[part])
    found = {
        (module(each), one)
        for each in below("python", ".py")
        if module(each) == part or module(each).startswith(f"{part}.")
        for one in imports(each)
        # What two modules share as a type only makes no arrow at run time.
        if strange.match(one)
        and (part not in ("ostiary.link", "ostiary.upstream") or one in imports(each, at_load=True))
    }
    assert found == set()


def test_configuration_and_plans_ask_plugins_only_where_there_are_some() -> None:
    # Plugins take the kinds of their values from the configuration, which asks back what their keys are.
    asked = {
        module(each)
        for each in below("python", ".py")
        if re.match(r"ostiary\.(config|plan)\b", module(each))
        if any(one.startswith("ostiary.plugins") for one in imports(each, at_load=True))
    }
    assert asked == set()


def test_built_in_plugins_use_what_every_plugin_may_use() -> None:
    own = re.compile(r"ostiary\.plugins\.(allow_list|bind_guard|limits|rate_limit|redact)")
    ours = re.compile(r"ostiary(\.plugins(\.(model|rules|allow_list|bind_guard|limits|rate_limit|redact)(\.\w+)?)?)?")
    plugins = [each for each in below("python", ".py") if own.fullmatch(module(each))]
    assert len(plugins) == 5
    assert [
        one for each in plugins for one in imports(each) if one.startswith("ostiary") and not ours.fullmatch(one)
    ] == []


@pytest.mark.parametrize(
    ("started", "strangers"),
    [
        (
            ", ".join(f"ostiary.cli.{verb}" for verb in VERBS),
            {"uvloop", "ostiary.gateway", "ostiary.listener", "ostiary.connection", "ostiary.demo.main"},
        ),
        (
            "ostiary.alone, ostiary.obeying",
            {
                "cryptography",
                "pydantic",
                "typer",
                "opentelemetry",
                "requests",
                "aiohttp",
                "prometheus_client",
                "ostiary.config",
                "ostiary.tls",
                "ostiary.demo",
            },
        ),
        ("ostiary.config.checks", {"opentelemetry.sdk", "requests", "ostiary.tracing"}),
        ("ostiary.audit", {"asyncio", "cryptography", "pydantic", "ssl", "ostiary.config", "ostiary.tls"}),
        ("ostiary.plan", {"aiohttp", "cryptography", "prometheus_client", "pydantic", "ostiary.admin.endpoint"}),
        ("ostiary.admin.endpoint", {"aiohttp.client", "cryptography", "pydantic", "rich", "typer", "ostiary.config"}),
        ("ostiary.supervisor", {"cryptography", "pydantic", "ostiary.config", "ostiary.gateway", "ostiary.connection"}),
        ("ostiary.plugins.hooks", {"cryptography", "pydantic", "ostiary.config", "ostiary.plugins.model"}),
        ("ostiary.plugins.chain", {"cryptography", "ostiary.tls", "ostiary.config.loading", "ostiary.config.model"}),
    ],
)
def test_starts_without(started: str, strangers: set[str]) -> None:
    script = f"import sys, {started}, ostiary.worker; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert set(done.stdout.split()) & strangers == set()


def test_nothing_of_this_machine_is_committed() -> None:
    # Written in pieces, or this file would find itself.
    here = re.compile(r"(?<![\w>])/(wor" + r"k|roo" + r"t|Use" + r"rs)/|/tmp/(target|[a-z]+env)\b")
    registry = re.compile(
        "(?<!emit-)index"
        + "-url|find"
        + r"-links[= ]\S*://|pypi"
        + r"\.org|files\.python"
        + "hosted|static"
        + r"\.crates"
    )
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}: {line}" for line in text.splitlines() if here.search(line) or registry.search(line)]
    assert found == []


@pytest.mark.parametrize("name", ["dev", "real", "bench", "run"])
def test_requirements_are_pinned_by_hash(name: str) -> None:
    pins = re.split(r"\n(?=\S)", (ROOT / f"requirements/{name}.txt").read_text().strip())
    wrong = [
        pin.splitlines()[0] for pin in pins if not re.match(r"[\w.-]+==\S+( ; .*)? \\\n", pin) or "sha256:" not in pin
    ]
    assert wrong == []


def test_make_has_few_verbs() -> None:
    command = ["make", "--no-print-directory", "help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    verbs = [line.split()[0] for line in told.splitlines()]
    assert verbs == ["help", "demo", "test", "check", "lint", "format", "bench", "fuzz", "dist"]


def test_ci_calls_nothing_but_verbs() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert Path(ROOT / ".ci/run").stat().st_mode & 0o111
    assert re.findall(r"^make .*$", script, re.MULTILINE) == ["make lint", "make test"]
    assert re.search(r"^\s*(cargo|pip|ruff|mypy|pytest|python3?) ", script, re.MULTILINE) is None
