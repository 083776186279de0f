"""`python -m benches.compare`: Ostiary beside other gateways, in one run, interleaved, repeated.

Rounds follow one another; within a round every case is run by every gateway, in an order drawn anew, so that
a machine that slows down slows all of them. Exit status: 0 when every sample could be taken (whatever the
numbers say: nothing here is a timed assertion), 1 when one could not, 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benches import certificates, machine, publish, report, tables
from benches.cases import CASES, Case
from benches.gateways import GATEWAYS, ostiary_is_optimised
from benches.sampling import Sampler, Settings
from benches.wiring import Gateway, Programs

ROOT = Path(__file__).resolve().parent.parent
DEBUG_BUILD = "ostiary's Rust module is a debug build, its figures mean nothing: maturin develop --release"
MEMORY_ROUNDS_MAX = 3  # memory hardly differs from round to round


def main(words: Sequence[str] | None = None) -> int:
    """Runs the comparison the command line asks for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse(words)
    settings = settings_of(options)
    folder = Path(options.output).resolve() / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    work = folder / "work"
    work.mkdir(parents=True)
    os.sched_setaffinity(0, settings.cores.load)
    cases = [case for case in CASES if not options.only or case.name in options.only]
    versions = {
        gateway.name: gateway.version(settings.programs) for gateway in GATEWAYS if gateway.name in options.gateways
    }
    present = [gateway for gateway in GATEWAYS if versions.get(gateway.name)]
    absent = [name for name, version in versions.items() if not version]
    facts = gather_facts(options, settings, versions)
    write_json(folder / "facts.json", facts)
    samples: list[dict[str, Any]] = []
    before: list[str] = []
    try:
        compare(options, settings, cases, present, samples, work)
    except KeyboardInterrupt:
        before.append("interrupted: these are the rounds there were time for")
    finally:
        write_json(folder / "samples.json", samples)
    if versions.get("ostiary") and not ostiary_is_optimised():
        before.append(DEBUG_BUILD)
    made = report.made(cases, samples, [gateway.name for gateway in present], absent)
    made = replace(made, facts=facts, complaints=before + list(made.complaints))
    text = tables.markdown(made)
    (folder / "report.md").write_text(text)
    write_json(folder / "report.json", made.as_json())
    print(text)
    print(f"raw samples, logs and configurations: {folder}")
    if not made.is_whole:
        if options.publish:
            print("not published: see what is said above the numbers", file=sys.stderr)
        return 1
    if options.publish:
        publish.write(made, options.publish)
    return 0


def compare(
    options: argparse.Namespace,
    settings: Settings,
    cases: Sequence[Case],
    present: Sequence[Gateway],
    samples: list[dict[str, Any]],
    work: Path,
) -> None:
    """Fills `samples`, so that an interruption keeps what was taken."""
    order = random.Random(options.seed)
    sampler = Sampler(settings, certificates.create(work), work)
    with sampler.serving():
        for number in range(1, options.rounds + 1):
            for case in cases:
                if case.kind != "load" and number > MEMORY_ROUNDS_MAX:
                    continue
                players = {gateway.name: gateway for gateway in present if gateway.name in case.gateways}
                groups = case.groups(list(players))
                for names in order.sample(groups, len(groups)):
                    for sample in sampler.take(case, [players[name] for name in names], number):
                        samples.append(sample)
                        say(options, case, sample)


def say(options: argparse.Namespace, case: Case, sample: dict[str, Any]) -> None:
    """One line of progress."""
    if "error" in sample:
        figure = sample["error"]
    else:
        figure = f"{sample['value']:8.2f} {case.unit}"
        if case.kind == "load":
            rate = sample["operations"] / sample["wall_seconds"]
            figure += f"  core {sample['core_use']:4.0%}  {rate:9,.0f} ops/s"
    name = f"{case.name} {sample['gateway']}"
    print(f"round {sample['round']}/{options.rounds}  {name:42} {figure}", file=sys.stderr, flush=True)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line; names of cases and gateways are checked."""
    parser = argparse.ArgumentParser(prog="python -m benches.compare", description=__doc__.partition("\n")[0])
    case_names = [case.name for case in CASES]
    gateway_names = [gateway.name for gateway in GATEWAYS]
    parser.add_argument("--rounds", type=int, help="rounds (5; with --quick 2)")
    parser.add_argument("--seconds", type=float, help="measured seconds per sample (3; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="a look, not a result")
    parser.add_argument("--only", metavar="CASE[,CASE]", help=f"of: {', '.join(case_names)}")
    parser.add_argument("--gateways", metavar="NAME[,NAME]", help=f"of: {', '.join(gateway_names)}")
    parser.add_argument("--idle", type=int, default=2000, metavar="N", help="idle connections (2000)")
    parser.add_argument("--no-pin", action="store_true", help="let the scheduler place gateway and load")
    parser.add_argument("--profile", action="store_true", help="perf record of each sample, kept with it")
    parser.add_argument("--load-binary", type=Path, help="a built ostiary-load, instead of building it")
    parser.add_argument("--lloadd", metavar="FILE", help="a built lloadd, where none is in the path")
    parser.add_argument("--ldaptor-python", metavar="FILE", help="a Python that has ldaptor, instead of this one")
    parser.add_argument("--output", default=ROOT / "benches" / "results", help="folder for results")
    parser.add_argument(
        "--publish", type=Path, metavar="FOLDER", help="write performance.md, .svg and .json there, if no sample failed"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order of gateways (1)")
    options = parser.parse_args(words)
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick else 3.0)
    options.only = chosen(parser, options.only, case_names) if options.only else []
    options.gateways = chosen(parser, options.gateways, gateway_names) if options.gateways else gateway_names
    if options.rounds < 1 or options.seconds <= 0 or options.idle < 1:
        parser.error("--rounds, --seconds and --idle are above zero")
    if options.profile and shutil.which("perf") is None:
        parser.error("--profile needs perf")
    return options


def chosen(parser: argparse.ArgumentParser, text: str, known: Sequence[str]) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            parser.error(f"unknown name, known are {', '.join(known)}: {name}")
    return names


def settings_of(options: argparse.Namespace) -> Settings:
    machine.raise_file_limit()
    return Settings(
        load_binary=(options.load_binary or build_load()).resolve(),
        cores=machine.Cores.choose(pin=not options.no_pin),
        seconds=options.seconds,
        warmup_seconds=min(0.5, options.seconds / 2),
        idle_connections=options.idle,
        profile=options.profile,
        programs=Programs.found(options.lloadd, options.ldaptor_python),
    )


def build_load(profile: str = "release") -> Path:
    """Builds the load generator in the workspace's own target folder."""
    command = ["cargo", "build", "--profile", profile, "--quiet", "-p", "ostiary-load", "--message-format", "json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit("ostiary-load could not be built")
    executables = (json.loads(line).get("executable") for line in done.stdout.splitlines())
    return Path(next(path for path in executables if path))


def gather_facts(options: argparse.Namespace, settings: Settings, versions: dict[str, str | None]) -> dict[str, Any]:
    """Versions, machine and settings, as they are written above the results."""
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "command": command(options),
        # Ostiary is one program, whatever its configuration.
        "versions": {name.partition("+")[0]: version or "absent" for name, version in versions.items()},
        "machine": machine.facts(),
        "settings": {
            "load average at start": os.getloadavg()[0],
            "cores of gateway": sorted(settings.cores.gateway),
            "cores of load and server": sorted(settings.cores.load),
            "pinned": settings.cores.pinned,
            "cores can be kept awake": machine.can_keep_awake(),
            "rounds": options.rounds,
            "seconds per sample": settings.seconds,
            "warm-up seconds": settings.warmup_seconds,
            "idle connections": settings.idle_connections,
            "seed": options.seed,
            "profiled": settings.profile,
            "TLS": "1.3, TLS_AES_256_GCM_SHA384, X25519, ECDSA P-256, nothing resumed",
        },
    }


def command(options: argparse.Namespace) -> str:
    """What gives the same run on another machine: where programs and results lie is each machine's own."""
    words = ["python -m benches.compare", f"--rounds {options.rounds}", f"--seconds {options.seconds:g}"]
    if options.only:
        words.append(f"--only {','.join(options.only)}")
    if len(options.gateways) < len(GATEWAYS):
        words.append(f"--gateways {','.join(options.gateways)}")
    words += [f"--idle {options.idle}", f"--seed {options.seed}"]
    words += ["--no-pin"] if options.no_pin else []
    return " ".join(words + (["--publish docs"] if options.publish else []))


def commit() -> str:
    """The commit measured, marked when files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
