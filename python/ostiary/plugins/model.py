"""The plugin model: a class with options, rules and hooks. The built-in plugins are made of nothing else.

Knows no configuration file and no process. Hooks are not declared here: a plugin has those it defines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

__all__ = ["Options", "Plugin", "RuleKind", "Rules"]

RuleKind: TypeAlias = Literal["allow_list", "limits", "rate_limit", "bind_guard", "redact"]


class Options(BaseModel):
    """A plugin's keys in the configuration: derive from it, annotate, describe each key by a docstring.

    Unknown keys are faults and values are not converted: `"5"` is no number. A validator says what is wrong by a
    ValueError, lower case and with the remedy.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What a plugin says up front: data that the core compiles and evaluates."""

    kind: RuleKind
    data: Mapping[str, Any]
    """The keys of the built-in plugin of this name, as JSON can hold them."""
    key_path: str | None = None
    """Where in the plugin's options the data stands, so that a fault in it names its key; "" is the options
    themselves. None: the plugin made it."""


class Plugin:
    """A plugin: derive from it, and define `Options`, `rules` and hooks as needed.

    One instance serves all clients of a process. It is made where the configuration is checked, too: `__init__` may
    read files, and says by a ValueError or OSError what is wrong with them.
    """

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, options: Any) -> None:
        self.options = options
        """What the configuration says, as an instance of `Options`."""

    def rules(self) -> Sequence[Rules]:
        """What the core decides for this plugin, before any of its hooks is asked."""
        return ()

    def meaning(self) -> Sequence[str]:
        """What the plugin does with these options, in sentences that `ostiary check` prints."""
        return ()
