"""Ostiary: a gateway for LDAP that adds TLS, rules, audit and metrics in front of any directory."""

from ostiary._core import __version__

__all__ = ["__version__"]
