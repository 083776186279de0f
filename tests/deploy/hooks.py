"""A plugin that is asked about every search and lets it pass."""

from __future__ import annotations

from ostiary.plugins import PASS, Client, Plugin, Request, Verdict


class Watcher(Plugin):
    """Asked, so that there is something to measure."""

    def on_search(self, client: Client, request: Request) -> Verdict:  # noqa: ARG002
        """Lets it pass."""
        return PASS
