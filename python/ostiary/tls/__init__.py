"""Certificates, keys and authorities: from files to what the TLS engines are given."""

from ostiary.tls.authorities import load_authorities, system_authorities
from ostiary.tls.identity import (
    Identity,
    IdentityError,
    IdentityPart,
    identity_of,
    load_chain,
    load_identity,
    read_password,
)
from ostiary.tls.openssl import openssl_context
from ostiary.tls.rustls import refuses_authorities, refuses_identity
from ostiary.tls.throwaway import Throwaway, ThrowawayFiles, throwaway_authority

__all__ = [
    "Identity",
    "IdentityError",
    "IdentityPart",
    "Throwaway",
    "ThrowawayFiles",
    "identity_of",
    "load_authorities",
    "load_chain",
    "load_identity",
    "openssl_context",
    "read_password",
    "refuses_authorities",
    "refuses_identity",
    "system_authorities",
    "throwaway_authority",
]
