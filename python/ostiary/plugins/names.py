"""Names of controls and extended operations, as rules and `ostiary explain` write them.

The core reads the names in rules by a table of its own; `tests/house/test_documents.py` compares both.
"""

from __future__ import annotations

__all__ = ["CONTROLS", "EXTENDED"]

CONTROLS = {
    "assertion": "1.3.6.1.1.12",
    "authorization_identity": "2.16.840.1.113730.3.4.16",
    "dir_sync": "1.2.840.113556.1.4.841",
    "domain_scope": "1.2.840.113556.1.4.1339",
    "dont_use_copy": "1.3.6.1.1.22",
    "extended_dn": "1.2.840.113556.1.4.529",
    "fast_bind": "1.2.840.113556.1.4.1781",
    "manage_dsa_it": "2.16.840.1.113730.3.4.2",
    "matched_values": "1.2.826.0.1.3344810.2.3",
    "no_op": "1.3.6.1.4.1.4203.1.10.2",
    "notification": "1.2.840.113556.1.4.528",
    "paged_results": "1.2.840.113556.1.4.319",
    "password_policy": "1.3.6.1.4.1.42.2.27.8.5.1",
    "permissive_modify": "1.2.840.113556.1.4.1413",
    "persistent_search": "2.16.840.1.113730.3.4.3",
    "post_read": "1.3.6.1.1.13.2",
    "pre_read": "1.3.6.1.1.13.1",
    "proxied_authorization": "2.16.840.1.113730.3.4.18",
    "relax": "1.3.6.1.4.1.4203.666.5.12",
    "sd_flags": "1.2.840.113556.1.4.801",
    "search_options": "1.2.840.113556.1.4.1340",
    "show_deleted": "1.2.840.113556.1.4.417",
    "show_recycled": "1.2.840.113556.1.4.2064",
    "sort": "1.2.840.113556.1.4.473",
    "subentries": "1.3.6.1.4.1.4203.1.10.1",
    "subtree_delete": "1.2.840.113556.1.4.805",
    "sync": "1.3.6.1.4.1.4203.1.9.1.1",
    "transaction": "1.3.6.1.1.21.2",
    "vlv": "2.16.840.1.113730.3.4.9",
}
"""Controls by name."""
EXTENDED = {
    "cancel": "1.3.6.1.1.8",
    "fast_bind": "1.2.840.113556.1.4.1781",
    "password_modify": "1.3.6.1.4.1.4203.1.11.1",
    "transaction_end": "1.3.6.1.1.21.3",
    "transaction_start": "1.3.6.1.1.21.1",
    "turn": "1.3.6.1.1.19",
    "who_am_i": "1.3.6.1.4.1.4203.1.11.3",
}
"""Extended operations by name."""
