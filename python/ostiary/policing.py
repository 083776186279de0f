"""What a gateway has beside sockets and sessions: its policy, the plugins that are asked live, and what was decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ostiary.counters import Counters
from ostiary.decisions import Decisions

if TYPE_CHECKING:
    from ostiary._core import Policy, Settings, Shared
    from ostiary.plan import HookPlan, Plan
    from ostiary.plugins.hooks import Asked, HookChain
    from ostiary.seeing import Seeing

__all__ = ["Policing", "Prepared"]


class Prepared(NamedTuple):
    """What another configuration comes to, before it is in force."""

    policy: Policy | None
    hooks: HookChain | None
    asked: dict[HookPlan, Asked]
    """The plugins of the chain, by what they were made of."""


class Policing:
    """One policy in force, for all listeners of a gateway."""

    def __init__(self, plan: Plan, seeing: Seeing, generation: int = 0) -> None:
        """Raises: Unloadable when a plugin cannot be made any more."""
        self.generation = generation
        """Which of the gateway's configurations is in force."""
        self.hooks: HookChain | None = None
        """The plugins that are asked live; none where rules are all."""
        self.chains: dict[int, HookChain] = {}
        """Whom to ask, by the configuration under which a request came."""
        self.decisions = Decisions(seeing.refusals)
        self._asked: dict[HookPlan, Asked] = {}
        # Configurations that requests under way may still have come under, with the settings that tell whether.
        self._earlier: dict[int, list[Settings]] = {}
        self.policy: Policy | None = None
        self._take(self.prepare(plan, seeing.shared))

    def start(self) -> None:
        """Watches over hooks from now on."""
        if self.hooks is not None:
            self.hooks.start()

    def prepare(self, plan: Plan, shared: Shared) -> Prepared:
        """The same of another configuration. Plugins whose table is the same stay as they are, with what they know.

        Raises:
            Unloadable: a plugin cannot be made.
        """
        if not plan.hooks:
            return Prepared(shared.policy, None, {})
        # Late: plugins bring what they need, and a gateway without any needs none of it.
        from ostiary.plugins.chain import revived
        from ostiary.plugins.hooks import HookChain

        asked: dict[HookPlan, Asked] = {}
        for each in plan.hooks:
            made_of = dataclasses.replace(each, stage=None)
            known = self._asked.get(made_of)
            asked[made_of] = revived(each) if known is None else known._replace(stage=each.stage)
        if list(asked.items()) == list(self._asked.items()):
            return Prepared(shared.policy, self.hooks, asked)
        return Prepared(shared.policy, HookChain(list(asked.values()), meters=Counters(shared.meters)), asked)

    def take(self, prepared: Prepared, generation: int, counters: Counters, settings: Iterable[Settings]) -> None:
        """Another configuration is in force; `settings` are those of the one before."""
        self._earlier[self.generation] = list(settings)
        self.generation = generation
        before = self.hooks
        self._take(prepared)
        if self.hooks is not None and self.hooks is before:
            self.hooks.count_in(counters)
        else:
            self.start()
        self.tidy()

    def tidy(self) -> bool:
        """Gives up plugins that no request under way asks any more; says whether any are left."""
        for generation in [each for each, held in self._earlier.items() if not any(one.is_in_use for one in held)]:
            del self._earlier[generation]
            chain = self.chains.pop(generation, None)
            if chain is not None and chain not in self.chains.values():
                chain.stop()
        return bool(self._earlier)

    def stop(self) -> None:
        """Ends the watch, and tells what was decided."""
        for chain in {id(each): each for each in self.chains.values()}.values():
            chain.stop()
        self.decisions.tell()

    def _take(self, prepared: Prepared) -> None:
        self.policy, self.hooks, self._asked = prepared
        if self.hooks is not None:
            self.chains[self.generation] = self.hooks
