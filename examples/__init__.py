"""Plugins to learn from, each a file of its own: `docs/plugins.md` says how they are used."""
