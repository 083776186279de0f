"""From the words of a configuration to a plugin: its class, checked; its options, validated; an instance.

What a plugin's own code raises while it is loaded becomes a fault here, as hooks' failures become refusals later.
"""

from __future__ import annotations

import importlib
import inspect
import re
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ostiary.config.wording import did_you_mean
from ostiary.errors import OstiaryError
from ostiary.plugins.model import Options, Plugin, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

__all__ = ["GROUP", "HOOKS", "Unloadable", "built_in", "checked_class", "instance", "plugin_class"]

GROUP = "ostiary.plugins"
"""The entry points that name plugins."""
HOOKS: dict[str, tuple[str, ...]] = {
    "on_connect": ("client",),
    **dict.fromkeys(
        (
            "on_bind", "on_search", "on_compare", "on_add", "on_modify", "on_delete", "on_modify_dn", "on_extended",
            "on_request",
        ),
        ("client", "request"),
    ),
    "on_finished": ("client", "request", "result"),
    "on_close": ("client",),
}  # fmt: skip
"""Every hook and what it is called with."""
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z")


class Unloadable(OstiaryError, ValueError):
    """A plugin cannot be used; the text says why, as faults do."""


def plugin_class(use: str | type[Plugin]) -> type[Plugin]:
    """The class that `use` names, or is, all of it checked but its options.

    Raises:
        Unloadable: there is none, or it is no plugin; all reasons in one line.
    """
    return checked_class(_imported(use) if isinstance(use, str) else use)


def checked_class(found: object) -> type[Plugin]:
    """The class, if it is one of a plugin.

    Raises:
        Unloadable: it is not; all reasons in one line.
    """
    if not isinstance(found, type) or not issubclass(found, Plugin):
        raise Unloadable("no plugin: derive the class from ostiary.plugins.Plugin")
    if faults := [*_faults(found)]:
        raise Unloadable("; ".join(faults))
    return found


def instance(made_of: type[Plugin], options: BaseModel) -> tuple[Plugin, tuple[Rules, ...]]:
    """A plugin with these options, and its rules.

    Raises:
        Unloadable: the plugin's own code failed, or its rules are none.
    """
    try:
        plugin = made_of(options)
        rules = tuple(plugin.rules())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unloadable(f"not readable: {error.filename}: {reason}" if error.filename else reason) from None
    except ValueError as error:
        raise Unloadable(str(error)) from None
    except Exception as error:  # noqa: BLE001  (a stranger's code; whatever it raises is a fault of the configuration)
        raise Unloadable(f"the plugin failed: {type(error).__name__}: {error}") from None
    if strange := [type(each).__name__ for each in rules if not isinstance(each, Rules)]:
        raise Unloadable(f"rules() gave something that is no ostiary.plugins.Rules: {strange[0]}")
    return plugin, rules


def built_in() -> dict[str, type[Plugin]]:
    """The plugins that the package itself brings, by the name of their entry point."""
    own = {each.name: each.value for each in _entry_points() if each.value.startswith(f"{GROUP}.")}
    return {name: plugin_class(value) for name, value in sorted(own.items())}


def _entry_points() -> metadata.EntryPoints:
    return metadata.entry_points(group=GROUP)


def _imported(use: str) -> object:
    path = use
    if ":" not in use:
        named = {each.value for each in _entry_points() if each.name == use}
        if not named:
            known = sorted({each.name for each in _entry_points()})
            hint = did_you_mean(use, known) or f'; known: {", ".join(known)}; write "package.module:Class" for others'
            raise Unloadable(f"no plugin of this name is installed{hint}")
        if len(named) > 1:
            both = " and ".join(sorted(named))
            raise Unloadable(f'two packages bring a plugin of this name; write "package.module:Class": {both}')
        (path,) = named
    elif not _PATH.match(use):
        raise Unloadable('not a plugin; write the name of one that is installed, or "package.module:Class"')
    module, _, name = path.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = "" if error.name is None or error.name == module else f" (it needs {error.name})"
        raise Unloadable(f"no such module{missing}; install it, or add its folder to PYTHONPATH") from None
    except Exception as error:  # noqa: BLE001  (a stranger's code, as above)
        raise Unloadable(f"cannot be imported: {type(error).__name__}: {error}") from None
    found = vars(loaded).get(name)
    if found is None:
        classes = [one for one, value in vars(loaded).items() if isinstance(value, type) and issubclass(value, Plugin)]
        raise Unloadable(f"no such class in {module}{did_you_mean(name, classes)}")
    return found


def _faults(found: type[Plugin]) -> Iterator[str]:
    """What is wrong with a plugin's class."""
    options: Any = found.Options
    if not isinstance(options, type) or not issubclass(options, Options):
        yield f"{found.__name__}.Options is no class derived from ostiary.plugins.Options"
    elif options.model_config.get("extra") != "forbid":
        yield f"{found.__name__}.Options lets unknown keys pass; leave extra as it is"
    elif taken := sorted(_TAKEN & {field.alias or name for name, field in options.model_fields.items()}):
        yield f"{found.__name__}.Options has keys that every plugin has already: {', '.join(taken)}"
    if inspect.isabstract(found):
        yield f"{found.__name__} is abstract"
    for name in dir(found):
        if name.startswith("on_"):
            yield from _hook_faults(found, name)


_TAKEN = {"use", "name", "mode", "time_limit_seconds"}


def _hook_faults(found: type[Plugin], name: str) -> Iterator[str]:
    if name not in HOOKS:
        hint = did_you_mean(name, HOOKS) or f"; known: {', '.join(HOOKS)}"
        yield f"no such hook: {name}{hint}"
        return
    function = inspect.getattr_static(found, name)
    wanted = f"write def {name}(self, {', '.join(HOOKS[name])})"
    if not inspect.isfunction(function):
        yield f"{name} is no method; {wanted}"
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        yield f"{name} yields, where it has to return a verdict; {wanted}"
    elif not _takes(function, HOOKS[name]):
        yield f"{name} has another signature; {wanted}"


def _takes(function: Any, arguments: tuple[str, ...]) -> bool:
    """Whether it can be called with these in this order; a leading underscore says that one is not used."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    needed = [
        each.name.lstrip("_")
        for each in parameters
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        return False
    takes_more = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return needed == list(arguments[: len(needed)] if takes_more else arguments)
