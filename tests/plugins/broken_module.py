"""A module of a stranger that fails when it is loaded."""

raise RuntimeError("not today")
