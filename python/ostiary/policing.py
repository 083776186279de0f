"""What a gateway has beside sockets and sessions: its policy, the plugins that are asked live, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.decisions import Decisions

if TYPE_CHECKING:
    from ostiary._core import Policy
    from ostiary.plan import Plan
    from ostiary.plugins.hooks import HookChain

__all__ = ["Policing"]


class Policing:
    """One policy in force, for all listeners of a gateway."""

    def __init__(self, plan: Plan, policy: Policy | None) -> None:
        """Raises: Unloadable when a plugin cannot be made any more."""
        self.policy = policy
        self.hooks: HookChain | None = None
        """The plugins that are asked live; none where rules are all."""
        self.decisions = Decisions()
        self._connections = 0
        if plan.hooks:
            # Late: plugins bring what they need, and a gateway without any needs none of it.
            from ostiary.plugins.chain import revived
            from ostiary.plugins.hooks import HookChain

            self.hooks = HookChain([revived(each) for each in plan.hooks])

    def next_number(self) -> int:
        """A number for a connection, by which plugins know it."""
        self._connections += 1
        return self._connections

    def start(self) -> None:
        """Watches over hooks from now on."""
        if self.hooks is not None:
            self.hooks.start()

    def stop(self) -> None:
        """Ends that, and tells what was decided."""
        if self.hooks is not None:
            self.hooks.stop()
        self.decisions.tell()
