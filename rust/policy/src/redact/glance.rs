//! A glance at a response: whether it surely passes as it came, as nearly all do.
//!
//! It sees the commonest shapes alone and changes no answer: what it does not know is looked into by
//! [`Redaction::response`], which would find the same of what it does know. It marks nothing and copies nothing.

use ostiary_ber::{Header, tag};
use ostiary_ldap::message::{ResponseHead, ResponseOp};

use super::response::Redaction;
use super::secrets::Secrets;
use super::spec::HostNames;
use super::spellings::PlainName;

/// The names that the last entry had in its first places: the next one of a result mostly has the same. That they are
/// names and nothing else is known then, and holds whatever is hidden from whom.
#[derive(Debug, Default)]
pub struct LastNames([PlainName; 12]);

impl Redaction {
    /// Whether `message`, one whole response with this head, is surely [`super::Fate::Untouched`].
    #[inline]
    pub fn surely_shows(&self, head: &ResponseHead, message: &[u8], known: &mut LastNames) -> bool {
        // Controls may hold entries.
        if self.secrets.has_entries() || head.body_offset.saturating_add(head.body_len) != head.length {
            return false;
        }
        let body = head.body(message);
        match head.operation {
            ResponseOp::SearchEntry => {
                self.hosts.root_dse == HostNames::Pass && shows_entry(&self.secrets, body, known)
            }
            // A result code and an empty matchedDN.
            ResponseOp::SearchDone => {
                self.hosts.referrals == HostNames::Pass && matches!(body, [tag::ENUMERATED, 1, _, 4, 0, ..])
            }
            _ => false,
        }
    }
}

/// Whether nothing is cut out of the entry with this content.
#[inline]
fn shows_entry(secrets: &Secrets, body: &[u8], known: &mut LastNames) -> bool {
    let Some((name_len, name)) = opened(body, tag::OCTET_STRING) else { return false };
    let Some((list_len, mut list)) = name.get(name_len..).and_then(|rest| opened(rest, tag::SEQUENCE)) else {
        return false;
    };
    if list_len != list.len() {
        return false;
    }
    for known in &mut known.0 {
        if list.is_empty() {
            return true;
        }
        let Some(rest) = behind_attribute(secrets, list, known) else { return false };
        list = rest;
    }
    while !list.is_empty() {
        let Some(rest) = behind_attribute(secrets, list, &mut PlainName::default()) else { return false };
        list = rest;
    }
    true
}

/// What follows the attribute at the start of `list`, if that is surely not cut.
#[inline]
fn behind_attribute<'l>(secrets: &Secrets, list: &'l [u8], known: &mut PlainName) -> Option<&'l [u8]> {
    let (length, attribute) = opened(list, tag::SEQUENCE)?;
    // With all that follows, there are mostly enough octets to be looked at together.
    if secrets.surely_keep(attribute, length, known) { attribute.get(length..) } else { None }
}

/// How much the element at the start of `octets` contains, which has this tag, and its content with all that follows.
#[inline]
fn opened(octets: &[u8], tag: u8) -> Option<(usize, &[u8])> {
    let (length, content) = match *octets {
        [found, length, ref rest @ ..] if found == tag && length < 0x80 => (usize::from(length), rest),
        [found, ..] if found == tag => opened_long(octets)?,
        _ => return None,
    };
    if length <= content.len() { Some((length, content)) } else { None }
}

#[inline]
fn opened_long(octets: &[u8]) -> Option<(usize, &[u8])> {
    let header = Header::peek(octets).ok()??;
    Some((header.content_len, octets.get(header.header_len..)?))
}
