"""Whether the plugins of a configuration can be made, and what they say up front be compiled by the core."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ostiary.config.model import Config
from ostiary.config.plugins import PluginTable
from ostiary.config.table import Finding, Loc, until_absent
from ostiary.config.wording import did_you_mean

if TYPE_CHECKING:
    from ostiary.plugins.chain import Chain

__all__ = ["check_plugins", "plugin_warnings"]


def check_plugins(config: Config, told: Collection[Loc]) -> Iterator[Finding]:
    """What is wrong with plugins beside the faults that were told already, at these places.

    A key with a fault was left out, and so a table that holds one is not blamed for what it lacks.
    """
    incomplete = {loc[:-1] if isinstance(loc[-1], str) else loc[:-2] for loc in told if loc[:1] == ("plugins",)}
    yield from until_absent(_names(config))
    entries = [(index, each) for index, each in enumerate(getattr(config, "plugins", ())) if _is_sound(each)]
    if not entries:
        return
    from ostiary.plugins.chain import chain, faults

    made = chain(entries)
    for index, each in entries:
        yield from _time_limit(made, each, index)
    yield from until_absent(_known_listeners(made, config))
    for index, loc, message in faults(made):
        place: Loc = ("plugins", index, *loc)
        if place not in incomplete:
            yield Finding(place, message)


def plugin_warnings(config: Config) -> Iterator[tuple[Loc, str]]:
    """What is allowed and suspicious in the rules of plugins."""
    if not config.plugins:
        return
    from ostiary.plugins.chain import chain, warnings

    for index, loc, message in warnings(chain(enumerate(config.plugins))):
        yield ("plugins", index, *loc), message


def _is_sound(table: object) -> bool:
    if not isinstance(table, PluginTable):
        return False
    wanted = (*PluginTable.model_fields, "options")
    return all(getattr(table, key, None) is not None for key in wanted)


def _names(config: Config) -> Iterator[Finding]:
    names: dict[str, int] = {}
    for index, table in enumerate(config.plugins):
        yield from until_absent(_unique_name(table, names, index))


def _unique_name(table: PluginTable, seen: dict[str, int], index: int) -> Iterator[Finding]:
    first = seen.setdefault(table.name, index)
    if first != index and table.use:
        yield Finding(("plugins", index, "name"), f"taken by plugins[{first}]; choose another", table.name)


def _known_listeners(made: Chain, config: Config) -> Iterator[Finding]:
    """A denial for a misspelt listener would be none."""
    from ostiary.plugins.chain import listeners

    known = [listener.name for listener in config.listeners]
    for index, loc, prefix, name in listeners(made):
        if name not in known:
            hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
            yield Finding(("plugins", index, *loc), f"{prefix}no listener of this name{hint}", name)


def _time_limit(made: Chain, table: PluginTable, index: int) -> Iterator[Finding]:
    has_hooks = any(plan.name == table.name for plan in made.hooks)
    if (
        "time_limit_seconds" in table.model_fields_set
        and not has_hooks
        and all(index != one for one, _ in made.failures)
    ):
        yield Finding(("plugins", index, "time_limit_seconds"), f"no effect, as {table.use} has no hooks; remove it")
