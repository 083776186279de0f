"""What is handed out: the source distribution, the versions in all places, the image's recipe and bill of materials."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from ..house.tree import ROOT, below, name
from .documented import shell
from .podman import BASE, missing, podman

WHEELHOUSE = ROOT / "dist/wheelhouse"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is absent: see rust-lang.org")
    out = tmp_path_factory.mktemp("sdist")
    maturin = Path(sys.executable).with_name("maturin")
    subprocess.run([str(maturin), "sdist", "--out", str(out)], cwd=ROOT, check=True, capture_output=True, timeout=50)
    (archive,) = out.glob("ostiary-*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(out, filter="data")
    return out / f"ostiary-{PROJECT['version']}"


@pytest.fixture(scope="module")
def contents(unpacked: Path) -> set[str]:
    """The files of the source distribution."""
    return {each.relative_to(unpacked).as_posix() for each in unpacked.rglob("*") if each.is_file()}


def test_source_distribution_has_what_building_it_takes(contents: set[str]) -> None:
    crates = [name(each) for each in below("rust", ".rs", ".toml") if not name(each).startswith("rust/fuzz/")]
    # Of crates their sources: tests and benches of members are not needed, the manifests are.
    needed = {each for each in crates if "/src/" in each or (each.endswith("Cargo.toml"))}
    assert sorted(needed - contents) == []
    package = {name(each) for each in below("python")}
    assert sorted(package - contents) == []
    assert {
        "Cargo.toml", "Cargo.lock", "pyproject.toml", "PKG-INFO", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md",
        "python/ostiary/py.typed",
    } <= contents  # fmt: skip


def test_source_distribution_is_built_with_what_is_locked(unpacked: Path) -> None:
    # What whoever builds it has cargo do first.
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True, timeout=50).stdout
    (here,) = re.findall(r"^host: (.+)$", told, re.MULTILINE)
    command = ["cargo", "metadata", "--format-version", "1", "--filter-platform", here]
    place = unpacked / "rust/bindings"
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    used = {(each["name"], each["version"]) for each in json.loads(done.stdout)["packages"]}
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    assert used <= {(each["name"], each["version"]) for each in locked}
    assert len(used) > 50


def test_source_distribution_has_nothing_else(contents: set[str]) -> None:
    strange = re.compile(r"(^|/)(target|\.venv|\.git|__pycache__|tests/real|dist)(/|$)|\.(so|pyc|key|pem)$")
    assert sorted(each for each in contents if strange.search(each)) == []


@pytest.mark.timeout(300)
def test_a_wheelhouse_is_all_that_an_installation_needs(tmp_path: Path) -> None:
    if not list(WHEELHOUSE.glob("ostiary-*.whl")):
        pytest.skip("dist/wheelhouse is absent: make dist")
    # Without a network, where the user may have one without.
    alone = ["unshare", "--net"] if os.geteuid() == 0 and shutil.which("unshare") else []
    (install,) = [each for each in shell("By pip") if "--no-index" in each]
    home = str(tmp_path / "opt")
    text = install.replace("/opt/ostiary", home).replace("dist/wheelhouse", str(WHEELHOUSE))
    run([sys.executable, "-m", "venv", home])
    run([*alone, "sh", "-euc", text])
    told = run([*alone, "sh", "-euc", f"ip link set lo up 2>/dev/null || true; {home}/bin/ostiary demo --once"])
    assert "steps came out as told" in told


@pytest.mark.timeout(300)
@pytest.mark.skipif(missing(BASE) is not None, reason=str(missing(BASE)))
def test_a_clean_container_without_a_network_gets_there_by_what_the_page_says() -> None:
    if not list(WHEELHOUSE.glob("ostiary-*.whl")):
        pytest.skip("dist/wheelhouse is absent: make dist")
    (block,) = shell("Trying what was built", ROOT / "RELEASING.md")
    assert block.count("\n") == 3
    place = ("--volume", f"{WHEELHOUSE}:/release/dist/wheelhouse:ro", "--workdir", "/release")
    told = podman("run", "--rm", "--pull=never", "--network", "none", *place, BASE, "sh", "-euc", block)
    assert "steps came out as told" in told


def run(command: list[str]) -> str:
    """What a command prints. What surrounds the tests is not the new environment's."""
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=surroundings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_makefile_installs_what_is_locked() -> None:
    recipe = subprocess.run(["make", "--dry-run", "dist"], cwd=ROOT, capture_output=True, text=True, timeout=30).stdout
    assert "--require-hashes" in recipe
    assert "requirements/run.txt" in recipe
    locked = (ROOT / "requirements/run.txt").read_text()
    assert [each for each in PROJECT["dependencies"] if f"\n{each.split('>')[0]}==" not in f"\n{locked}"] == []
    versions = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE))
    own = dict(re.findall(r"^([\w.-]+)==(\S+)", locked, re.MULTILINE))
    assert {each: versions[each] for each in own} == own


def test_makefile_builds_wheels_for_other_machines_beside_those_for_this_one() -> None:
    targets = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-musl"]
    command = ["make", "--dry-run", "dist", f"WHEEL_TARGETS={' '.join(targets)}"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
    recipe = recipe.replace("\\\n", " ")
    assert re.findall(r"--zig --target (\S+)\s+--compatibility (\w+);", recipe) == [
        (targets[0], "manylinux2014"), (targets[1], "musllinux_1_2"),
    ]  # fmt: skip
    # What is built first must still be there.
    assert recipe.count("rm -rf dist") == 1
    (told,) = re.findall(r"WHEEL_TARGETS='(.+)'", (ROOT / "RELEASING.md").read_text())
    assert set(targets) <= set(told.split())


MACHINES = {"x86_64": 62, "aarch64": 183}
"""What an ELF file calls a machine (e_machine, two octets from the eighteenth on)."""


@pytest.mark.parametrize("wheel", sorted((ROOT / "dist").glob("*.whl")), ids=lambda wheel: wheel.stem)
def test_wheels_hold_what_their_names_say(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        core = opened.read("ostiary/_core.abi3.so")
    (machine,) = [each for each in MACHINES if wheel.stem.endswith(each)]
    assert int.from_bytes(core[18:20], "little") == MACHINES[machine]
    # musl has its libc under another name.
    assert (b"libc.so.6" in core) is ("musllinux" not in wheel.stem)


def test_versions_are_one() -> None:
    version = PROJECT["version"]
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    chart = yaml.safe_load((ROOT / "deploy/helm/ostiary/Chart.yaml").read_text())
    (image,) = re.findall(r"^ARG VERSION=(.+)$", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE)
    assert {cargo, chart["version"], chart["appVersion"], image} == {version}
    named = re.findall(r"\bostiary:(\d[\w.]*)", "".join(each.read_text() for each in below("deploy/kubernetes")))
    assert set(named) == {version}


def test_package_says_what_it_is() -> None:
    classifiers = PROJECT["classifiers"]
    assert "Typing :: Typed" in classifiers
    assert "Topic :: System :: Systems Administration :: Authentication/Directory :: LDAP" in classifiers
    # A licence expression and a classifier of the same kind exclude each other (PEP 639).
    assert [each for each in classifiers if each.startswith("License ::")] == []
    least = PROJECT["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {least}" in classifiers


def test_image_is_built_from_a_wheelhouse_alone() -> None:
    recipe = (ROOT / "deploy/Containerfile").read_text()
    context = (ROOT / ".containerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(\S+)", recipe, re.MULTILINE)
    assert {f"!{each}" for each in copied} == {each for each in context if each.startswith("!")}
    assert "--no-index" in recipe
    assert re.findall(r"^USER (.+)$", recipe, re.MULTILINE) == ["65532:65532"]
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def test_bill_of_materials_names_every_part_once() -> None:
    command = [sys.executable, str(ROOT / "deploy/bill_of_materials.py")]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=50).stdout)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.5")
    assert told["metadata"]["component"]["purl"] == f"pkg:pypi/ostiary@{PROJECT['version']}"
    parts = [each["purl"] for each in told["components"]]
    assert len(parts) == len(set(parts))
    needed = {re.split(r"[>=<]", each)[0] for each in PROJECT["dependencies"]}
    assert needed <= {match[1] for each in parts if (match := re.match(r"pkg:pypi/([^@]+)@", each))}
