//! BER as RFC 4511 section 5.1 restricts it: tag-length-value elements, read without copying and written minimally.
//!
//! This crate knows no LDAP: which tag stands where, which range an INTEGER has and what an element is called come
//! from the caller. It never allocates for a declared length, never recurses, and never waits: "more bytes are
//! needed" is `Ok(None)`, everything else that is wrong is an [`Error`] with the field and the offset of its cause.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::todo,
        clippy::unreachable
    )
)]

mod error;
mod header;
mod reader;
mod writer;

pub use error::{Error, ErrorKind};
pub use header::Header;
pub use reader::{Reader, integer_value};
pub use writer::{Constructed, Writer};

/// Universal and constructed tags that every user of BER needs.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING, primitive: RFC 4511 section 5.1 allows no other form.
    pub const OCTET_STRING: u8 = 0x04;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;
}
