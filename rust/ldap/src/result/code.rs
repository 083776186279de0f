//! Result codes by number and by name (RFC 4511 section 4.1.9, RFC 3909, 4370, 4528, 4533).
//!
//! A code is any number: servers send codes that no table has, and they must survive. What follows from a code is not
//! said here.

use core::fmt;

/// The resultCode of a response.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultCode(pub u32);

impl ResultCode {
    /// `success`.
    pub const SUCCESS: Self = Self(0);
    /// `operationsError`.
    pub const OPERATIONS_ERROR: Self = Self(1);
    /// `protocolError`.
    pub const PROTOCOL_ERROR: Self = Self(2);
    /// `timeLimitExceeded`.
    pub const TIME_LIMIT_EXCEEDED: Self = Self(3);
    /// `sizeLimitExceeded`.
    pub const SIZE_LIMIT_EXCEEDED: Self = Self(4);
    /// `compareFalse`.
    pub const COMPARE_FALSE: Self = Self(5);
    /// `compareTrue`.
    pub const COMPARE_TRUE: Self = Self(6);
    /// `authMethodNotSupported`.
    pub const AUTH_METHOD_NOT_SUPPORTED: Self = Self(7);
    /// `strongerAuthRequired`.
    pub const STRONGER_AUTH_REQUIRED: Self = Self(8);
    /// `referral`.
    pub const REFERRAL: Self = Self(10);
    /// `adminLimitExceeded`.
    pub const ADMIN_LIMIT_EXCEEDED: Self = Self(11);
    /// `unavailableCriticalExtension`.
    pub const UNAVAILABLE_CRITICAL_EXTENSION: Self = Self(12);
    /// `confidentialityRequired`.
    pub const CONFIDENTIALITY_REQUIRED: Self = Self(13);
    /// `saslBindInProgress`.
    pub const SASL_BIND_IN_PROGRESS: Self = Self(14);
    /// `noSuchAttribute`.
    pub const NO_SUCH_ATTRIBUTE: Self = Self(16);
    /// `undefinedAttributeType`.
    pub const UNDEFINED_ATTRIBUTE_TYPE: Self = Self(17);
    /// `inappropriateMatching`.
    pub const INAPPROPRIATE_MATCHING: Self = Self(18);
    /// `constraintViolation`.
    pub const CONSTRAINT_VIOLATION: Self = Self(19);
    /// `attributeOrValueExists`.
    pub const ATTRIBUTE_OR_VALUE_EXISTS: Self = Self(20);
    /// `invalidAttributeSyntax`.
    pub const INVALID_ATTRIBUTE_SYNTAX: Self = Self(21);
    /// `noSuchObject`.
    pub const NO_SUCH_OBJECT: Self = Self(32);
    /// `aliasProblem`.
    pub const ALIAS_PROBLEM: Self = Self(33);
    /// `invalidDNSyntax`.
    pub const INVALID_DN_SYNTAX: Self = Self(34);
    /// `aliasDereferencingProblem`.
    pub const ALIAS_DEREFERENCING_PROBLEM: Self = Self(36);
    /// `inappropriateAuthentication`.
    pub const INAPPROPRIATE_AUTHENTICATION: Self = Self(48);
    /// `invalidCredentials`.
    pub const INVALID_CREDENTIALS: Self = Self(49);
    /// `insufficientAccessRights`.
    pub const INSUFFICIENT_ACCESS_RIGHTS: Self = Self(50);
    /// `busy`.
    pub const BUSY: Self = Self(51);
    /// `unavailable`.
    pub const UNAVAILABLE: Self = Self(52);
    /// `unwillingToPerform`.
    pub const UNWILLING_TO_PERFORM: Self = Self(53);
    /// `loopDetect`.
    pub const LOOP_DETECT: Self = Self(54);
    /// `namingViolation`.
    pub const NAMING_VIOLATION: Self = Self(64);
    /// `objectClassViolation`.
    pub const OBJECT_CLASS_VIOLATION: Self = Self(65);
    /// `notAllowedOnNonLeaf`.
    pub const NOT_ALLOWED_ON_NON_LEAF: Self = Self(66);
    /// `notAllowedOnRDN`.
    pub const NOT_ALLOWED_ON_RDN: Self = Self(67);
    /// `entryAlreadyExists`.
    pub const ENTRY_ALREADY_EXISTS: Self = Self(68);
    /// `objectClassModsProhibited`.
    pub const OBJECT_CLASS_MODS_PROHIBITED: Self = Self(69);
    /// `affectsMultipleDSAs`.
    pub const AFFECTS_MULTIPLE_DSAS: Self = Self(71);
    /// `other`.
    pub const OTHER: Self = Self(80);
    /// `canceled`.
    pub const CANCELED: Self = Self(118);
    /// `noSuchOperation`.
    pub const NO_SUCH_OPERATION: Self = Self(119);
    /// `tooLate`.
    pub const TOO_LATE: Self = Self(120);
    /// `cannotCancel`.
    pub const CANNOT_CANCEL: Self = Self(121);
    /// `assertionFailed`.
    pub const ASSERTION_FAILED: Self = Self(122);
    /// `authorizationDenied`.
    pub const AUTHORIZATION_DENIED: Self = Self(123);
    /// `e-syncRefreshRequired`.
    pub const SYNC_REFRESH_REQUIRED: Self = Self(4096);
}

const NAMES: &[(ResultCode, &str)] = &[
    (ResultCode::SUCCESS, "success"),
    (ResultCode::OPERATIONS_ERROR, "operationsError"),
    (ResultCode::PROTOCOL_ERROR, "protocolError"),
    (ResultCode::TIME_LIMIT_EXCEEDED, "timeLimitExceeded"),
    (ResultCode::SIZE_LIMIT_EXCEEDED, "sizeLimitExceeded"),
    (ResultCode::COMPARE_FALSE, "compareFalse"),
    (ResultCode::COMPARE_TRUE, "compareTrue"),
    (ResultCode::AUTH_METHOD_NOT_SUPPORTED, "authMethodNotSupported"),
    (ResultCode::STRONGER_AUTH_REQUIRED, "strongerAuthRequired"),
    (ResultCode::REFERRAL, "referral"),
    (ResultCode::ADMIN_LIMIT_EXCEEDED, "adminLimitExceeded"),
    (ResultCode::UNAVAILABLE_CRITICAL_EXTENSION, "unavailableCriticalExtension"),
    (ResultCode::CONFIDENTIALITY_REQUIRED, "confidentialityRequired"),
    (ResultCode::SASL_BIND_IN_PROGRESS, "saslBindInProgress"),
    (ResultCode::NO_SUCH_ATTRIBUTE, "noSuchAttribute"),
    (ResultCode::UNDEFINED_ATTRIBUTE_TYPE, "undefinedAttributeType"),
    (ResultCode::INAPPROPRIATE_MATCHING, "inappropriateMatching"),
    (ResultCode::CONSTRAINT_VIOLATION, "constraintViolation"),
    (ResultCode::ATTRIBUTE_OR_VALUE_EXISTS, "attributeOrValueExists"),
    (ResultCode::INVALID_ATTRIBUTE_SYNTAX, "invalidAttributeSyntax"),
    (ResultCode::NO_SUCH_OBJECT, "noSuchObject"),
    (ResultCode::ALIAS_PROBLEM, "aliasProblem"),
    (ResultCode::INVALID_DN_SYNTAX, "invalidDNSyntax"),
    (ResultCode::ALIAS_DEREFERENCING_PROBLEM, "aliasDereferencingProblem"),
    (ResultCode::INAPPROPRIATE_AUTHENTICATION, "inappropriateAuthentication"),
    (ResultCode::INVALID_CREDENTIALS, "invalidCredentials"),
    (ResultCode::INSUFFICIENT_ACCESS_RIGHTS, "insufficientAccessRights"),
    (ResultCode::BUSY, "busy"),
    (ResultCode::UNAVAILABLE, "unavailable"),
    (ResultCode::UNWILLING_TO_PERFORM, "unwillingToPerform"),
    (ResultCode::LOOP_DETECT, "loopDetect"),
    (ResultCode::NAMING_VIOLATION, "namingViolation"),
    (ResultCode::OBJECT_CLASS_VIOLATION, "objectClassViolation"),
    (ResultCode::NOT_ALLOWED_ON_NON_LEAF, "notAllowedOnNonLeaf"),
    (ResultCode::NOT_ALLOWED_ON_RDN, "notAllowedOnRDN"),
    (ResultCode::ENTRY_ALREADY_EXISTS, "entryAlreadyExists"),
    (ResultCode::OBJECT_CLASS_MODS_PROHIBITED, "objectClassModsProhibited"),
    (ResultCode::AFFECTS_MULTIPLE_DSAS, "affectsMultipleDSAs"),
    (ResultCode::OTHER, "other"),
    (ResultCode::CANCELED, "canceled"),
    (ResultCode::NO_SUCH_OPERATION, "noSuchOperation"),
    (ResultCode::TOO_LATE, "tooLate"),
    (ResultCode::CANNOT_CANCEL, "cannotCancel"),
    (ResultCode::ASSERTION_FAILED, "assertionFailed"),
    (ResultCode::AUTHORIZATION_DENIED, "authorizationDenied"),
    (ResultCode::SYNC_REFRESH_REQUIRED, "e-syncRefreshRequired"),
];

impl ResultCode {
    /// Every code that has a name.
    pub const NAMED: &'static [(Self, &'static str)] = NAMES;

    /// The name in the RFC, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self).map(|(_, name)| *name)
    }

    /// The code of this name, whatever the case of its letters.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(code, _)| *code)
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResultCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for (code, name) in NAMES {
            assert_eq!(ResultCode::from_name(name), Some(*code));
            assert_eq!(code.to_string(), *name);
        }
        assert_eq!(ResultCode::from_name("BUSY"), Some(ResultCode::BUSY));
        assert_eq!(ResultCode(9_999).to_string(), "9999");
        assert_eq!(ResultCode::from_name("9999"), None);
    }
}
