//! Object identifiers of the extended operations and controls that the gateway or its demo directory must recognise.
//!
//! Attribute types have their own table, in [`crate::attribute`]. What an identifier means for a session is not said
//! here.

/// `StartTLS` (RFC 4511 section 4.14).
pub const START_TLS_OID: &str = "1.3.6.1.4.1.1466.20037";
/// Notice of Disconnection (RFC 4511 section 4.4.1).
pub const NOTICE_OF_DISCONNECTION_OID: &str = "1.3.6.1.4.1.1466.20036";
/// Cancel (RFC 3909).
pub const CANCEL_OID: &str = "1.3.6.1.1.8";
/// Who am I? (RFC 4532).
pub const WHO_AM_I_OID: &str = "1.3.6.1.4.1.4203.1.11.3";
/// Password modify (RFC 3062).
pub const PASSWORD_MODIFY_OID: &str = "1.3.6.1.4.1.4203.1.11.1";
/// Active Directory's fast bind: later binds only check a password.
pub const FAST_BIND_OID: &str = "1.2.840.113556.1.4.1781";

/// Paged results control (RFC 2696).
pub const PAGED_RESULTS_OID: &str = "1.2.840.113556.1.4.319";
/// `ManageDsaIT` control (RFC 3296).
pub const MANAGE_DSA_IT_OID: &str = "2.16.840.1.113730.3.4.2";
/// Password policy control, request and response (draft-behera-ldap-password-policy).
pub const PASSWORD_POLICY_OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// Active Directory's domain scope control.
pub const DOMAIN_SCOPE_OID: &str = "1.2.840.113556.1.4.1339";
/// Sync request control (RFC 4533 section 2.2).
pub const SYNC_REQUEST_OID: &str = "1.3.6.1.4.1.4203.1.9.1.1";
/// Persistent search control (draft-ietf-ldapext-psearch).
pub const PERSISTENT_SEARCH_OID: &str = "2.16.840.1.113730.3.4.3";
/// Active Directory's change notification control.
pub const NOTIFICATION_OID: &str = "1.2.840.113556.1.4.528";
/// Active Directory's `DirSync` control.
pub const DIR_SYNC_OID: &str = "1.2.840.113556.1.4.841";
/// Server side sorting request control (RFC 2891).
pub const SORT_REQUEST_OID: &str = "1.2.840.113556.1.4.473";
/// Virtual list view request control (draft-ietf-ldapext-ldapv3-vlv).
pub const VIRTUAL_LIST_VIEW_OID: &str = "2.16.840.1.113730.3.4.9";
/// Assertion control (RFC 4528).
pub const ASSERTION_OID: &str = "1.3.6.1.1.12";
/// Pre-read control (RFC 4527).
pub const PRE_READ_OID: &str = "1.3.6.1.1.13.1";
/// Post-read control (RFC 4527).
pub const POST_READ_OID: &str = "1.3.6.1.1.13.2";
/// Matched values control (RFC 3876).
pub const MATCHED_VALUES_OID: &str = "1.2.826.0.1.3344810.2.3";
/// Proxied authorization control (RFC 4370).
pub const PROXIED_AUTHORIZATION_OID: &str = "2.16.840.1.113730.3.4.18";
/// Subtree delete control.
pub const SUBTREE_DELETE_OID: &str = "1.2.840.113556.1.4.805";

/// True if `text` is a `numericoid` as far as a reader of LDAPOID can tell: digits with single dots between them.
///
/// RFC 4512 section 1.4 also wants two arcs and no leading zeros; servers and clients do not agree on that, and no
/// decision hangs on it.
#[inline]
pub fn is_numeric_oid(text: &[u8]) -> bool {
    let mut after_dot = true;
    for &octet in text {
        match octet {
            b'0'..=b'9' => after_dot = false,
            b'.' if !after_dot => after_dot = true,
            _ => return false,
        }
    }
    !after_dot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_oids_are_digits_with_single_dots_between() {
        for oid in [START_TLS_OID, PAGED_RESULTS_OID, "1"] {
            assert!(is_numeric_oid(oid.as_bytes()), "{oid}");
        }
        for other in ["", ".", "1.", ".1", "1..2", "cn", "1.2 "] {
            assert!(!is_numeric_oid(other.as_bytes()), "{other}");
        }
    }
}
