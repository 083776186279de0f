//! What can be wrong with an element: the kind of fault, the field that has it, and where it stands.
//!
//! It does not say whose fault it is or what is answered; that is the session's business. No bytes of the message are
//! kept, so an error may be logged whatever the message held.

/// A fault of one element: `searchRequest.filter: length 300 exceeds 262 remaining (offset 17)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {kind} (offset {offset})")]
pub struct Error {
    /// The name of the element in the grammar, with the names of what it lies in.
    pub field: &'static str,
    /// Octets from the start of the message to the start of the element.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

impl Error {
    /// A fault of `field`, which starts at `offset`.
    #[cold]
    pub fn new(field: &'static str, offset: usize, kind: ErrorKind) -> Self {
        Self { field, offset, kind }
    }
}

/// What is wrong, in the terms of BER and ASN.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The length octet 0x80.
    #[error("indefinite length")]
    IndefiniteLength,
    /// A length of more than four octets.
    #[error("length of {octets} octets, at most 4 are allowed")]
    LengthTooWide {
        /// How many length octets were declared.
        octets: u8,
    },
    /// A tag number of 31 or more, which needs further tag octets.
    #[error("high tag number")]
    HighTagNumber,
    /// A child that is longer than what is left of its parent.
    #[error("length {length} exceeds {remaining} remaining")]
    LengthExceedsParent {
        /// The declared length of the content.
        length: usize,
        /// Octets that are left in the parent for it.
        remaining: usize,
    },
    /// The parent ends where an element, or the rest of its header, must be.
    #[error("missing")]
    Missing,
    /// Another element than the grammar has here.
    #[error("expected tag 0x{expected:02x}, found 0x{found:02x}")]
    UnexpectedTag {
        /// The tag of the grammar.
        expected: u8,
        /// The tag that is there.
        found: u8,
    },
    /// A CHOICE alternative that the grammar does not know.
    #[error("unknown choice 0x{tag:02x}")]
    UnknownChoice {
        /// The tag that is there.
        tag: u8,
    },
    /// A CHOICE alternative that the grammar knows, but that this peer may not send.
    #[error("choice 0x{tag:02x} is not allowed from this peer")]
    ForbiddenChoice {
        /// The tag that is there.
        tag: u8,
    },
    /// Elements after the last one that the grammar knows.
    #[error("{count} trailing bytes")]
    TrailingBytes {
        /// How many octets follow.
        count: usize,
    },
    /// An INTEGER or ENUMERATED of no octets, or of more than four.
    #[error("integer of {octets} octets, 1 to 4 are allowed")]
    IntegerWidth {
        /// How many octets the content has.
        octets: usize,
    },
    /// A number outside the range that the grammar gives.
    #[error("{value} is not within {least}..={most}")]
    OutOfRange {
        /// The number that is there.
        value: i64,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// A BOOLEAN whose content is not one octet.
    #[error("boolean of {octets} octets")]
    BooleanWidth {
        /// How many octets the content has.
        octets: usize,
    },
    /// A value against a rule that the grammar states in words.
    #[error("{0}")]
    Invalid(&'static str),
}
