"""What is counted beside sessions, when another configuration is in force."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from ostiary.upstream import Upstream


class Counted(list[tuple[Any, ...]]):
    """Stands for the counters of a configuration, and remembers what was added to which."""

    def counter(self, *name: str) -> Callable[[int], None]:
        return partial(self._add, name)

    def _add(self, name: tuple[str, ...], by: int) -> None:
        self.append((*name, by))


def test_connections_to_servers_are_counted_under_the_configuration_in_force() -> None:
    before, after = Counted(), Counted()
    plan = SimpleNamespace(
        name="directory", connect_seconds=1.0, knows_gateway=False, servers=(), tls=None, mode="none", openssl=None
    )
    upstream = Upstream(cast("Any", plan), cast("Any", before))
    server = cast("Any", SimpleNamespace(plan=SimpleNamespace(text="ldap://a")))
    upstream.counter(server, "ready")(1)
    # An upstream that did not change stays; what it counts is the new configuration's.
    upstream.counters = cast("Any", after)
    upstream.counter(server, "ready")(1)
    expected = [("upstream_connections", "directory", "ldap://a", "ready", 1)]
    assert (before, after) == (expected, expected)
