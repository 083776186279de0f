//! The few LDAP messages the benches send, and the head of the ones they receive.
//!
//! It does not know the gateway's own crates, on purpose: a referee that shares the player's decoder shares
//! its faults. It does not know sockets or TLS either. It reads what these two programs say to each other,
//! in definite lengths, and refuses the rest.

use std::ops::Deref;

/// `protocolOp` tags (RFC 4511, 4.2 to 4.12) as far as the benches use them.
pub mod tag {
    pub const BIND_REQUEST: u8 = 0x60;
    pub const BIND_RESPONSE: u8 = 0x61;
    pub const UNBIND_REQUEST: u8 = 0x42;
    pub const SEARCH_REQUEST: u8 = 0x63;
    pub const SEARCH_ENTRY: u8 = 0x64;
    pub const SEARCH_DONE: u8 = 0x65;
    pub const EXTENDED_REQUEST: u8 = 0x77;
    pub const EXTENDED_RESPONSE: u8 = 0x78;
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const OCTET_STRING: u8 = 0x04;
const BOOLEAN: u8 = 0x01;

pub const START_TLS_OID: &str = "1.3.6.1.4.1.1466.20037";
/// The attribute whose value in an equality filter tells the canned server how many entries to answer.
pub const ENTRIES_ATTRIBUTE: &str = "entries";

/// One TLV with a definite length in its shortest form.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or_default());
    } else {
        let octets = length.to_be_bytes();
        let skip = octets.iter().take_while(|octet| **octet == 0).count();
        out.push(0x80 | u8::try_from(octets.len() - skip).unwrap_or_default());
        out.extend_from_slice(&octets[skip..]);
    }
    out.extend_from_slice(content);
    out
}

/// The content octets of a message id: a non-negative INTEGER in its shortest form.
pub struct Id {
    octets: [u8; Self::OCTETS],
    begin: usize,
}

impl Id {
    /// So many there are at most.
    pub const OCTETS: usize = 5;

    pub fn of(value: u32) -> Self {
        let mut octets = [0; Self::OCTETS];
        octets[1..].copy_from_slice(&value.to_be_bytes());
        // What may be left out: octets of zero, before one that does not look like a sign.
        let begin = octets.windows(2).take_while(|pair| pair[0] == 0 && pair[1] & 0x80 == 0).count();
        Self { octets, begin }
    }
}

impl Deref for Id {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[self.begin..]
    }
}

/// An `LDAPMessage` without controls around an encoded `protocolOp`.
pub fn message(id_octets: &[u8], operation: &[u8]) -> Vec<u8> {
    let mut content = element(INTEGER, id_octets);
    content.extend_from_slice(operation);
    element(SEQUENCE, &content)
}

fn sequence_of(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

pub fn bind_request(name: &str, password: &str) -> Vec<u8> {
    sequence_of(
        tag::BIND_REQUEST,
        &[element(INTEGER, &[3]), element(OCTET_STRING, name.as_bytes()), element(0x80, password.as_bytes())],
    )
}

pub fn unbind_request() -> Vec<u8> {
    element(tag::UNBIND_REQUEST, b"")
}

pub fn start_tls_request() -> Vec<u8> {
    element(tag::EXTENDED_REQUEST, &element(0x80, START_TLS_OID.as_bytes()))
}

/// A subtree search as an application sends one: `(&(objectClass=person)(uid=alice))`, or, for results of many
/// entries, `(entries=N)`.
pub fn search_request(whom: &str, entries: u32) -> Vec<u8> {
    let equality = |attribute: &str, value: &str| {
        sequence_of(0xa3, &[element(OCTET_STRING, attribute.as_bytes()), element(OCTET_STRING, value.as_bytes())])
    };
    let filter = if entries == 1 {
        sequence_of(0xa0, &[equality("objectClass", "person"), equality("uid", whom)])
    } else {
        equality(ENTRIES_ATTRIBUTE, &entries.to_string())
    };
    let attributes: Vec<Vec<u8>> =
        ["uid", "cn", "mail"].iter().map(|name| element(OCTET_STRING, name.as_bytes())).collect();
    sequence_of(
        tag::SEARCH_REQUEST,
        &[
            element(OCTET_STRING, b"ou=people,dc=bench,dc=example"),
            element(ENUMERATED, &[2]),
            element(ENUMERATED, &[0]),
            element(INTEGER, &[0]),
            element(INTEGER, &[0]),
            element(BOOLEAN, &[0]),
            filter,
            sequence_of(SEQUENCE, &attributes),
        ],
    )
}

/// An `LDAPResult` of success under `operation`'s tag, with `rest` behind its three components.
pub fn success(operation: u8, rest: &[u8]) -> Vec<u8> {
    let mut content = element(ENUMERATED, &[0]);
    content.extend(element(OCTET_STRING, b""));
    content.extend(element(OCTET_STRING, b""));
    content.extend_from_slice(rest);
    element(operation, &content)
}

/// A person's entry of about 250 octets, as address books return them.
pub fn search_entry(number: u32) -> Vec<u8> {
    let attribute = |name: &str, values: &[&str]| {
        let values: Vec<Vec<u8>> = values.iter().map(|value| element(OCTET_STRING, value.as_bytes())).collect();
        sequence_of(SEQUENCE, &[element(OCTET_STRING, name.as_bytes()), sequence_of(0x31, &values)])
    };
    let uid = format!("alice{number:06}");
    let attributes = [
        attribute("objectClass", &["top", "person", "organizationalPerson", "inetOrgPerson"]),
        attribute("uid", &[&uid]),
        attribute("cn", &["Alice Example"]),
        attribute("sn", &["Example"]),
        attribute("mail", &[&format!("{uid}@bench.example")]),
    ];
    let name = format!("uid={uid},ou=people,dc=bench,dc=example");
    sequence_of(tag::SEARCH_ENTRY, &[element(OCTET_STRING, name.as_bytes()), sequence_of(SEQUENCE, &attributes)])
}

/// What the benches look at in a message: its size, its id's octets and its operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    pub length: usize,
    pub id: &'a [u8],
    pub operation: u8,
    pub body: &'a [u8],
}

impl Head<'_> {
    pub fn message_id(&self) -> u32 {
        self.id.iter().fold(0, |value, octet| (value << 8) | u32::from(*octet))
    }

    /// The result code of a response that begins with an `LDAPResult`.
    pub fn result_code(&self) -> Option<u8> {
        match self.body {
            [ENUMERATED, 1, code, ..] => Some(*code),
            _ => None,
        }
    }

    /// How many entries a search asks for: the value of `(entries=N)`, otherwise `otherwise`.
    pub fn entries_asked(&self, otherwise: u32) -> u32 {
        let marker = b"\x04\x07entries\x04";
        let Some(at) = self.body.windows(marker.len()).position(|window| window == marker) else {
            return otherwise;
        };
        let rest = &self.body[at + marker.len()..];
        let length = usize::from(rest.first().copied().unwrap_or_default());
        let digits = rest.get(1..=length).unwrap_or_default();
        std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }
}

/// Reads one message's head: `Ok(None)` when bytes are missing, an error when these are not LDAP.
pub fn peek(bytes: &[u8]) -> Result<Option<Head<'_>>, String> {
    let Some((content_at, length)) = header(bytes, SEQUENCE)? else {
        return Ok(None);
    };
    let total = content_at + length;
    let Some(content) = bytes.get(content_at..total) else {
        return Ok(None);
    };
    let (id_at, id_length) = header(content, INTEGER)?.ok_or("message without an id")?;
    let id_end = id_at + id_length;
    if !(1..=4).contains(&id_length) || id_end >= content.len() {
        return Err("message id out of range or without an operation".into());
    }
    let operation = content[id_end];
    let (body_at, body_length) = header(&content[id_end..], operation)?.ok_or("operation without a length")?;
    let body =
        content.get(id_end + body_at..id_end + body_at + body_length).ok_or("operation longer than its message")?;
    Ok(Some(Head { length: total, id: &content[id_at..id_end], operation, body }))
}

/// `(header octets, content octets)` of the element at the front, whose tag must be `expected`.
fn header(bytes: &[u8], expected: u8) -> Result<Option<(usize, usize)>, String> {
    let (tag, first) = match bytes {
        [] => return Ok(None),
        [tag] => (*tag, None),
        [tag, first, ..] => (*tag, Some(*first)),
    };
    if tag != expected {
        return Err(format!("expected tag {expected:#04x}, found {tag:#04x}"));
    }
    let Some(first) = first else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some((2, usize::from(first))));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err(format!("unsupported length octet {first:#04x}"));
    }
    let Some(octets) = bytes.get(2..2 + count) else {
        return Ok(None);
    };
    Ok(Some((2 + count, octets.iter().fold(0, |value, octet| (value << 8) | usize::from(*octet)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_request_it_writes() {
        for (operation, tag) in [
            (bind_request("cn=bench", "secret"), tag::BIND_REQUEST),
            (search_request("alice", 1), tag::SEARCH_REQUEST),
            (start_tls_request(), tag::EXTENDED_REQUEST),
            (unbind_request(), tag::UNBIND_REQUEST),
        ] {
            let bytes = message(&Id::of(7), &operation);
            let head = peek(&bytes).unwrap().unwrap();
            assert_eq!((head.length, head.message_id(), head.operation), (bytes.len(), 7, tag));
        }
    }

    #[test]
    fn asks_for_more_bytes_at_every_cut() {
        let bytes = message(&Id::of(300), &search_entry(1));
        for cut in 0..bytes.len() {
            assert_eq!(peek(&bytes[..cut]), Ok(None));
        }
        assert_eq!(peek(&bytes).unwrap().unwrap().message_id(), 300);
    }

    #[test]
    fn writes_ids_in_their_shortest_non_negative_form() {
        assert_eq!(*Id::of(0), [0]);
        assert_eq!(*Id::of(127), [0x7f]);
        assert_eq!(*Id::of(128), [0, 0x80]);
        assert_eq!(*Id::of(65_536), [1, 0, 0]);
        assert_eq!(*Id::of(u32::MAX >> 1), [0x7f, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn finds_how_many_entries_a_search_asks_for() {
        let asked =
            |entries| peek(&message(&Id::of(1), &search_request("alice", entries))).unwrap().unwrap().entries_asked(5);
        assert_eq!((asked(1), asked(0), asked(1000)), (5, 0, 1000));
    }

    #[test]
    fn refuses_what_is_not_a_message() {
        assert!(peek(b"\x16\x03\x01").is_err());
        assert!(peek(b"\x30\x80").is_err());
        assert!(peek(b"\x30\x03\x02\x01\x01").is_err());
        assert!(peek(b"\x30\x06\x02\x01\x01\x65\x09\x0a").is_err());
    }
}
