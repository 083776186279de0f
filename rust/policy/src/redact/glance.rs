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
    let Some((_, rest)) = child(body, tag::OCTET_STRING) else { return false };
    let Some((mut list, [])) = child(rest, tag::SEQUENCE) else { return false };
    let (mut names, mut beyond) = (known.0.iter_mut(), PlainName::default());
    while !list.is_empty() {
        let Some((attribute, rest)) = child(list, tag::SEQUENCE) else { return false };
        let [tag::OCTET_STRING, length, ref octets @ ..] = *attribute else { return false };
        if usize::from(length) > octets.len() {
            return false;
        }
        // With all that follows, there are mostly enough octets to be looked at together.
        let start = list.len().saturating_sub(rest.len()).saturating_sub(octets.len());
        if !secrets.surely_keep(list.get(start..).unwrap_or(octets), length, names.next().unwrap_or(&mut beyond)) {
            return false;
        }
        list = rest;
    }
    true
}

/// The content of the element at the start of `octets`, which has this tag, and what follows it.
#[inline]
fn child(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    match *octets {
        [found, length, ref rest @ ..] if found == tag && length < 0x80 => rest.split_at_checked(length.into()),
        [found, ..] if found == tag => long_child(octets),
        _ => None,
    }
}

#[inline]
fn long_child(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = Header::peek(octets).ok()??;
    octets.get(header.header_len..)?.split_at_checked(header.content_len)
}
