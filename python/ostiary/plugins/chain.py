"""From the plugins of a configuration to a policy for the core, and to what a worker needs to ask their hooks.

The policy is data (`PolicySpec`, as JSON); whether it can be compiled is the core's to say, and its faults are told
with the key path of the configuration. Here alone the core's `Policy` is asked about specifications.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from ostiary import _core
from ostiary.plan import HookPlan
from ostiary.plugins.hooks import Asked, operations_of
from ostiary.plugins.loading import HOOKS, Unloadable, instance, plugin_class
from ostiary.plugins.request import OPERATIONS

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ostiary.plugins.model import Plugin, Rules

__all__ = ["Chain", "Entry", "Place", "chain", "explained", "faults", "listeners", "revived", "stages_of", "warnings"]

KEY_OCTETS = 16
"""What tables hash by. Nothing is counted here, so it need not be random."""

Loc = tuple[str | int, ...]
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Entry(Protocol):
    """One plugin of a configuration."""

    @property
    def use(self) -> str | type[Plugin]:
        """What names its class, or the class."""

    @property
    def name(self) -> str:
        """What logs and metrics call it."""

    @property
    def mode(self) -> str:
        """`enforce` or `monitor`."""

    @property
    def time_limit_seconds(self) -> float:
        """How long a hook may take."""

    @property
    def options(self) -> BaseModel:
        """Its own keys."""


class Place(NamedTuple):
    """Where a stage comes from."""

    entry: int
    """The plugin's place in the configuration."""
    rules: Rules | None
    """None for the stage of its hooks."""


class Chain(NamedTuple):
    """What the plugins of a configuration come to."""

    policy: str
    """The specification, as JSON."""
    places: tuple[Place, ...]
    """Where each of its stages comes from."""
    hooks: tuple[HookPlan, ...]
    """The plugins that are asked live."""
    failures: tuple[tuple[int, str], ...]
    """The plugins that could not be made, by their place, and why."""


def chain(entries: Iterable[tuple[int, Entry]]) -> Chain:
    """What these plugins, each with its place in the configuration, come to."""
    stages: list[dict[str, Any]] = []
    places: list[Place] = []
    hooks: list[HookPlan] = []
    failures: list[tuple[int, str]] = []
    for index, entry in entries:
        try:
            plugin, rules = instance(plugin_class(entry.use), entry.options)
            own = stages_of(plugin, rules)
            plan = _plan(entry, plugin, len(stages) + len(own) - 1)
            json.dumps(own)
        except (Unloadable, TypeError, ValueError) as error:
            failures.append((index, str(error)))
            continue
        stages += [{"plugin": entry.name, "mode": entry.mode, "rules": each} for each in own]
        places += [Place(index, each) for each in rules]
        if plan is not None:
            hooks.append(plan)
            places += [Place(index, None)] * (len(stages) - len(places))
    return Chain(json.dumps({"stages": stages}), tuple(places), tuple(hooks), tuple(failures))


def stages_of(plugin: Plugin, rules: Iterable[Rules]) -> list[dict[str, Any]]:
    """The stages that a plugin brings: its rules in their order, then its hooks."""
    stages: list[dict[str, Any]] = [{each.kind: dict(each.data)} for each in rules]
    operations = list(operations_of(plugin))
    finished = list(OPERATIONS) if hasattr(plugin, "on_finished") else []
    if operations or finished:
        stages.append({"hook": {"operations": operations, "finished": finished}})
    return stages


def _plan(entry: Entry, plugin: Plugin, last: int) -> HookPlan | None:
    """How a worker makes the plugin again, if it has hooks. Raises: Unloadable."""
    if not any(hasattr(plugin, each) for each in HOOKS):
        return None
    try:
        # A class instead of a name is asked where it is, and travels nowhere.
        options = pickle.dumps(entry.options) if isinstance(entry.use, str) else b""
    except Exception as error:  # noqa: BLE001  (a stranger's values decide how they are pickled)
        raise Unloadable(f"its options cannot be handed to a worker: {type(error).__name__}") from None
    is_asked = bool(operations_of(plugin)) or hasattr(plugin, "on_finished")
    return HookPlan(
        stage=last if is_asked else None,
        name=entry.name,
        use=entry.use if isinstance(entry.use, str) else entry.use.__qualname__,
        monitor=entry.mode == "monitor",
        time_limit_seconds=entry.time_limit_seconds,
        options=options,
    )


def revived(plan: HookPlan) -> Asked:
    """The plugin of a plan, in a worker.

    Raises:
        Unloadable: it cannot be made (any more).
    """
    made_of = plugin_class(plan.use)
    plugin, _ = instance(made_of, pickle.loads(plan.options))
    return Asked(plan.stage, plan.name, plugin, plan.monitor, plan.time_limit_seconds)


def faults(made: Chain) -> Iterator[tuple[int, Loc, str]]:
    """What is wrong with the policy: each fault with its plugin's place, and its place in that plugin's keys."""
    yield from ((index, (), message) for index, message in made.failures)
    for stage, path, message in _core.Policy.faults(made.policy):
        yield _placed(made, stage, _loc(path), message)


def warnings(made: Chain) -> Iterator[tuple[int, Loc, str]]:
    """What is allowed and suspicious: rules that can never match, rules that hide one another."""
    for stage, rule, message in _core.Policy.warnings(made.policy):
        place = made.places[stage]
        data = {} if place.rules is None else place.rules.data
        index, loc, told = _placed(made, stage, _rule(data, rule), message)
        yield index, loc, f"rule {rule}: {told}"


def listeners(made: Chain) -> Iterator[tuple[int, Loc, str, str]]:
    """The listeners that rules name: the plugin's place, the name's in that plugin's keys, what a fault there begins
    with, and the name."""
    for stage, place in enumerate(made.places):
        for loc, name in _listeners({} if place.rules is None else place.rules.data):
            yield *_placed(made, stage, loc, ""), name


def _listeners(value: object, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    # That no name is there, the core tells.
    if isinstance(value, str) and value and "listener" in loc[-2:]:
        yield loc, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _listeners(each, (*loc, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _listeners(each, (*loc, index))


def explained(
    policy: str, listener: str, address: str | None, tls: bool, certificate: bytes | None, identity: str, request: bytes
) -> dict[str, Any]:
    """What the core says of a request by a policy without faults, and why.

    Raises:
        ValueError: the address or the request is none.
    """
    compiled = _core.Policy(policy, bytes(KEY_OCTETS))
    return cast("dict[str, Any]", json.loads(compiled.explain(listener, address, tls, certificate, identity, request)))


def _placed(made: Chain, stage: int, loc: Loc, message: str) -> tuple[int, Loc, str]:
    place = made.places[stage]
    if place.rules is None or place.rules.key_path is None:
        kind = "hook" if place.rules is None else place.rules.kind
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
        return place.entry, (), f"{kind}{path}, which the plugin made: {message}"
    return place.entry, (*_loc(place.rules.key_path), *loc), message


def _loc(path: str) -> Loc:
    return tuple(int(index) if index else key for index, key in _PART.findall(path))


def _rule(data: Mapping[str, Any], name: str) -> Loc:
    """Where a rule of this name stands in the data."""
    for key, value in data.items():
        for index, rule in enumerate(value if isinstance(value, list) else ()):
            if isinstance(rule, dict) and rule.get("name") == name:
                return (key, index)
    return ()
