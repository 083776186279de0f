"""Whether rustls takes a certificate or authorities: asked of it itself, before a listener or a dial does.

Its parser is stricter than OpenSSL's and cryptography's, and only it knows where.
"""

from __future__ import annotations

from collections.abc import Sequence

from ostiary._core import ListenerTls
from ostiary.tls.identity import Identity


def refuses_identity(identity: Identity) -> str | None:
    """Why rustls does not take the certificate and key; None when it does."""
    return _refusal([identity], ())


def refuses_authorities(authorities: Sequence[bytes]) -> str | None:
    """Why rustls takes none of these as anchors; None when it takes at least one."""
    return _refusal([], authorities)


def _refusal(identities: Sequence[Identity], authorities: Sequence[bytes]) -> str | None:
    try:
        ListenerTls(
            "ldaps",
            [(each.chain, each.key, each.names) for each in identities],
            client_authorities=authorities,
            client_auth="required" if authorities else "none",
        )
    except ValueError as error:
        return str(error)
    return None
