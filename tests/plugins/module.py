"""Plugins as a stranger would write them, sound and faulty ones, for `use = "tests.plugins.module:..."`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from ostiary.plugins import PASS, Client, FilePath, Options, Plugin, Request, Result, Rules, Seconds, Verdict, refuse


class Door(Options):
    """A nested table."""

    name: str
    """What it is called."""
    width: int = Field(1, alias="wide")
    """How wide it is."""


class HouseOptions(Options):
    """Everything that options may be."""

    owner: str = "nobody"
    """Text."""
    password: SecretStr | None = None
    """A secret."""
    plan: FilePath | None = None
    """A file."""
    hours: tuple[int, int] = (8, 18)
    """A list."""
    doors: tuple[Door, ...] = ()
    """Tables."""
    front: Door | str | None = None
    """A table or text."""
    wait: Seconds = 1
    """A time."""

    @field_validator("owner")
    @classmethod
    def _nobody_else(cls, value: str) -> str:
        if value == "thief":
            raise ValueError(f"not an owner; write another name than {value}")
        return value


class House(Plugin):
    """A plugin with hooks of every kind."""

    Options = HouseOptions
    options: HouseOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        if self.options.plan is not None:
            self.options.plan.read_text()

    def on_connect(self, _client: Client) -> Verdict:
        return PASS

    async def on_bind(self, client: Client, request: Request) -> Verdict:
        return refuse(53, f"{client.number} {request.operation}")

    def on_request(self, *_arguments: object) -> Verdict:
        return PASS

    def on_finished(self, _client: Client, _request: Request, _result: Result) -> None:
        pass

    def on_close(self, _client: Client, _more: int = 1) -> None:
        pass

    def meaning(self) -> Sequence[str]:
        return [f"belongs to {self.options.owner}"]


class Quiet(Plugin):
    """A plugin without anything."""


class Ruled(Plugin):
    """A plugin with rules alone, one from its options and one of its own making."""

    class Options(Options):
        mine: dict[str, Any] = {}  # noqa: RUF012  (pydantic copies defaults)
        """A rule."""

    def rules(self) -> Sequence[Rules]:
        return [Rules("allow_list", self.options.mine, key_path="mine"), Rules("limits", {})]


class Listening(Plugin):
    """A plugin with rules that name listeners, one from its options and one of its own making."""

    class Options(Options):
        mine: dict[str, Any] = {}  # noqa: RUF012  (pydantic copies defaults)
        """A rule."""
        listeners: tuple[str, ...] = ()
        """Names for another."""

    def rules(self) -> Sequence[Rules]:
        made = {"rules": [{"name": "made", "listener": list(self.options.listeners)}]}
        return [Rules("allow_list", self.options.mine, key_path="mine"), Rules("allow_list", made)]


class Misspelt(Plugin):
    def on_serch(self, _client: Client, _request: Request) -> Verdict:
        return PASS


class Swapped(Plugin):
    def on_search(self, _request: Request, _client: Client) -> Verdict:
        return PASS


class Short(Plugin):
    def on_finished(self, _client: Client, _request: Request) -> None:
        pass


class Demanding(Plugin):
    def on_search(self, _client: Client, _request: Request, *, _more: int) -> Verdict:
        return PASS


class Yielding(Plugin):
    async def on_search(self, _client: Client, _request: Request) -> AsyncIterator[Verdict]:
        yield PASS


class Static(Plugin):
    @staticmethod
    def on_search(_client: Client, _request: Request) -> Verdict:
        return PASS


class Worded(Plugin):
    on_search = "refuse"


class Loose(Plugin):
    class Options(Options, extra="allow"):
        pass


class Bare(Plugin):
    class Options(BaseModel):
        pass


class Greedy(Plugin):
    class Options(Options):
        mode: str = "x"


class NoPlugin:
    pass


class Raising(Plugin):
    def __init__(self, options: Any) -> None:
        super().__init__(options)
        raise ZeroDivisionError("by chance")


class Refusing(Plugin):
    def __init__(self, options: Any) -> None:
        super().__init__(options)
        raise ValueError("the moon is full; wait")


class Ruleless(Plugin):
    def rules(self) -> Sequence[Rules]:
        return [{"allow_list": {}}]  # type: ignore[list-item]


class Unpicklable(Plugin):
    class Options(Options):
        kind: Literal["x"] = "x"
        call: Any = Field(default_factory=lambda: lambda: None)

    def on_search(self, _client: Client, _request: Request) -> Verdict:
        return PASS
