//! The wire vectors of `tests/wire/vectors`, each fed whole, octet by octet and with bytes behind it.
//!
//! A vector is one message: hex with a comment per element, who sends it, and either what it decodes to or the field
//! and offset of its fault. What can be built is built again from what was read, and must be a fixed point.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ostiary_ldap::filter::Filter;
use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{
    Authentication, Change, FilterLimits, IntermediateResponse, Operation, Request, RequestError, ResponseHead,
    ResponseOp, SearchResultEntry, SearchResultReference,
};
use ostiary_ldap::result::{BindResponse, ExtendedResponse, LdapResult};
use ostiary_ldap::write::{self, NewChange, NewSearch};
use ostiary_ldap::{Error, frame};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    rfc: String,
    from: Peer,
    hex: String,
    #[serde(default)]
    decoded: Option<String>,
    #[serde(default)]
    error: Option<Fault>,
    /// False where the encoding is legal but not the one that our builders choose.
    #[serde(default = "yes")]
    canonical: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Peer {
    Client,
    Server,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Fault {
    #[serde(default)]
    field: String,
    #[serde(default)]
    offset: usize,
    text: String,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        let digits = self.hex.lines().map(|line| line.split('#').next().unwrap());
        let digits: String = digits.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
        assert!(digits.len().is_multiple_of(2), "{}: odd number of hex digits", self.name);
        (0..digits.len()).step_by(2).map(|place| u8::from_str_radix(&digits[place..place + 2], 16).unwrap()).collect()
    }
}

fn vectors() -> Vec<(String, Vector)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wire/vectors");
    let mut vectors = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        vectors.extend(file.vector.into_iter().map(|vector| (format!("{stem}: {}", vector.name), vector)));
    }
    vectors
}

fn fault(error: &Error) -> Fault {
    Fault { field: error.field.to_owned(), offset: error.offset, text: error.kind.to_string() }
}

fn request_fault(error: &RequestError) -> Fault {
    match error {
        RequestError::Malformed(error) => fault(error),
        other => Fault { field: String::new(), offset: 0, text: other.to_string() },
    }
}

fn text(octets: &[u8]) -> String {
    octets.utf8_chunks().fold(String::new(), |mut text, chunk| {
        for character in chunk.valid().chars() {
            if character.is_ascii_control() {
                write!(text, "\\{:02x}", u32::from(character)).unwrap();
            } else {
                text.push(character);
            }
        }
        chunk.invalid().iter().for_each(|octet| write!(text, "\\{octet:02x}").unwrap());
        text
    })
}

fn optional(octets: Option<&[u8]>) -> String {
    octets.map_or_else(|| "-".to_owned(), |octets| format!("'{}'", text(octets)))
}

/// One line that says everything a request was read as, credentials included: vectors hold no real ones.
fn describe_request(request: &Request<'_>) -> String {
    let operation = match request.operation {
        Operation::Bind(bind) => {
            let authentication = match bind.authentication {
                Authentication::Simple(password) => format!("simple '{}'", text(password)),
                Authentication::Sasl { mechanism, credentials } => {
                    format!("sasl {} {}", text(mechanism), optional(credentials))
                }
                Authentication::Sicily { tag, value } => {
                    format!("sicily {tag:02x} '{}'", text(value))
                }
                Authentication::Other { tag } => format!("other {tag:02x}"),
            };
            format!("bind v{} '{}' {authentication}", bind.version, text(bind.name))
        }
        Operation::Unbind => "unbind".to_owned(),
        Operation::Search(search) => {
            let filter = Filter::from_ber(search.filter, &FilterLimits::default());
            let selectors: Vec<_> = search.attributes.map(text).collect();
            format!(
                "search '{}' {:?} {:?} {} {} {} {} [{}]{}",
                text(search.base_object),
                search.scope,
                search.deref_aliases,
                search.size_limit,
                search.time_limit,
                search.types_only,
                filter.map_or_else(|error| format!("<{error}>"), |filter| filter.to_string()),
                selectors.join(" "),
                if request.never_ends() { " endless" } else { "" },
            )
        }
        Operation::Modify(modify) => modify.changes.fold(
            format!("modify '{}'", text(modify.object)),
            |line, Change { operation, modification }| {
                let values: Vec<_> = modification.values.map(text).collect();
                format!("{line} {operation:?} {}{values:?}", text(modification.description))
            },
        ),
        Operation::Add(add) => add.attributes.fold(format!("add '{}'", text(add.entry)), |line, attribute| {
            let values: Vec<_> = attribute.values.map(text).collect();
            format!("{line} {}{values:?}", text(attribute.description))
        }),
        Operation::Delete(delete) => format!("delete '{}'", text(delete.entry)),
        Operation::ModifyDn(rename) => format!(
            "modify_dn '{}' '{}' {} {}",
            text(rename.entry),
            text(rename.new_rdn),
            rename.delete_old_rdn,
            optional(rename.new_superior)
        ),
        Operation::Compare(compare) => {
            format!("compare '{}' {}='{}'", text(compare.entry), text(compare.attribute), text(compare.value))
        }
        Operation::Abandon(message_id) => format!("abandon {message_id}"),
        Operation::Extended { name, value } => {
            format!("extended {} {}", text(name), optional(value))
        }
    };
    request.controls.fold(format!("{} {operation}", request.message_id), |line, control| {
        let critical = if control.criticality { "!" } else { "" };
        format!("{line} +{}{critical} {}", text(control.control_type), optional(control.value))
    })
}

/// Builds a request again from what was read of it.
fn rebuild_request(request: &Request<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let id = request.message_id;
    let controls: Vec<_> = request.controls.collect();
    if matches!(request.operation, Operation::Unbind) && !controls.is_empty() {
        return None; // Nobody sends an unbind with controls, so no builder takes them.
    }
    match request.operation {
        Operation::Bind(bind) => match bind.authentication {
            Authentication::Simple(password) if bind.version == 3 => {
                write::bind_request(&mut out, id, bind.name, password, &controls);
            }
            Authentication::Sasl { mechanism, credentials } if bind.name.is_empty() => {
                write::sasl_bind_request(&mut out, id, mechanism, credentials);
            }
            _ => return None,
        },
        Operation::Unbind => write::unbind_request(&mut out, id),
        Operation::Search(search) => {
            let attributes: Vec<_> = search.attributes.collect();
            let search = NewSearch {
                base_object: search.base_object,
                scope: search.scope,
                deref_aliases: search.deref_aliases,
                size_limit: search.size_limit,
                time_limit: search.time_limit,
                types_only: search.types_only,
                filter: search.filter,
                attributes: &attributes,
            };
            write::search_request(&mut out, id, &search, &controls);
        }
        Operation::Modify(modify) => {
            let values: Vec<Vec<_>> = modify.changes.map(|change| change.modification.values.collect()).collect();
            let changes: Vec<_> = modify
                .changes
                .zip(&values)
                .map(|(change, values)| NewChange {
                    operation: change.operation,
                    description: change.modification.description,
                    values,
                })
                .collect();
            write::modify_request(&mut out, id, modify.object, &changes, &controls);
        }
        Operation::Add(add) => {
            let attributes = add.attributes.map(|attribute| (attribute.description, attribute.values));
            write::add_request(&mut out, id, add.entry, attributes, &controls);
        }
        Operation::Delete(delete) => {
            write::delete_request(&mut out, id, delete.entry, &controls);
        }
        Operation::ModifyDn(rename) => write::modify_dn_request(
            &mut out,
            id,
            rename.entry,
            rename.new_rdn,
            rename.delete_old_rdn,
            rename.new_superior,
        ),
        Operation::Compare(compare) => {
            write::compare_request(&mut out, id, compare.entry, compare.attribute, compare.value);
        }
        Operation::Abandon(abandoned) => {
            write::abandon_request(&mut out, id, u32::try_from(abandoned).ok()?);
        }
        Operation::Extended { name, value } => {
            write::extended_request(&mut out, id, name, value, &controls);
        }
    }
    Some(out)
}

/// One line that says everything a response was read as.
fn describe_response(message: &[u8]) -> Result<String, Error> {
    let head = ResponseHead::peek(message)?.expect("a complete message has a head");
    let id = head.message_id;
    let line = match head.operation {
        ResponseOp::SearchEntry => {
            let entry = SearchResultEntry::parse(message)?;
            entry.attributes.fold(format!("{id} entry '{}'", text(entry.object_name)), |line, attribute| {
                let values: Vec<_> = attribute.values.map(text).collect();
                format!("{line} {}{values:?}", text(attribute.description))
            })
        }
        ResponseOp::SearchReference => {
            let uris: Vec<_> = SearchResultReference::parse(message)?.uris.map(text).collect();
            format!("{id} reference {uris:?}")
        }
        ResponseOp::Intermediate => {
            let response = IntermediateResponse::parse(message)?;
            format!("{id} intermediate {} {}", optional(response.name), optional(response.value))
        }
        operation => {
            let result = LdapResult::parse(message)?;
            let extra = match operation {
                ResponseOp::Bind => {
                    format!(" {}", optional(BindResponse::parse(message)?.server_sasl_creds))
                }
                ResponseOp::Extended => {
                    let response = ExtendedResponse::parse(message)?;
                    format!(" {} {}", optional(response.name), optional(response.value))
                }
                _ => String::new(),
            };
            let referral: Vec<_> = result.referral.into_iter().flatten().map(text).collect();
            let referral = if referral.is_empty() { String::new() } else { format!(" {referral:?}") };
            format!(
                "{id} {operation:?} {} '{}' '{}'{referral}{extra}",
                result.code,
                text(result.matched_dn),
                text(result.diagnostic_message)
            )
        }
    };
    Ok(head
        .controls(message)
        .fold(line, |line, control| format!("{line} +{} {}", text(control.control_type), optional(control.value))))
}

/// Builds a response again from what was read of it, where there is a builder for all it has.
fn rebuild_response(message: &[u8]) -> Option<Vec<u8>> {
    let head = ResponseHead::peek(message).ok()??;
    let controls: Vec<_> = head.controls(message).collect();
    let id = head.message_id;
    let mut out = Vec::new();
    match head.operation {
        ResponseOp::SearchEntry => {
            let entry = SearchResultEntry::parse(message).ok()?;
            let attributes = entry.attributes.map(|attribute| (attribute.description, attribute.values));
            write::search_entry(&mut out, id, entry.object_name, attributes, &controls);
        }
        ResponseOp::SearchReference => {
            let uris = SearchResultReference::parse(message).ok()?.uris;
            write::search_reference(&mut out, id, uris);
        }
        ResponseOp::Intermediate => {
            let response = IntermediateResponse::parse(message).ok()?;
            write::intermediate(&mut out, id, response.name, response.value, &controls);
        }
        operation => {
            let result = LdapResult::parse(message).ok()?;
            // No builder takes a referral, nor matchedDN where only a search or update has one.
            let other = matches!(operation, ResponseOp::Bind | ResponseOp::Extended);
            if result.referral.is_some() || (other && !result.matched_dn.is_empty()) {
                return None;
            }
            let said = std::str::from_utf8(result.diagnostic_message).ok()?;
            let (code, matched) = (result.code, result.matched_dn);
            match operation {
                ResponseOp::Bind => {
                    let credentials = BindResponse::parse(message).ok()?.server_sasl_creds;
                    write::bind_response(&mut out, id, code, said, credentials);
                }
                ResponseOp::Extended => {
                    let ExtendedResponse { name, value, .. } = ExtendedResponse::parse(message).ok()?;
                    write::extended_response(&mut out, id, code, said, name, value, &controls);
                }
                ResponseOp::SearchDone => {
                    write::search_done(&mut out, id, code, matched, said, &controls);
                }
                _ => write::result_response(&mut out, id, operation, code, matched, said),
            }
        }
    }
    Some(out)
}

fn read(vector: &Vector, bytes: &[u8]) -> Result<String, Fault> {
    match vector.from {
        Peer::Client => Request::parse(bytes, &FilterLimits::default())
            .map(|request| describe_request(&request))
            .map_err(|error| request_fault(&error)),
        Peer::Server => describe_response(bytes).map_err(|error| fault(&error)),
    }
}

#[test]
fn vectors_decode_as_they_say() {
    let vectors = vectors();
    for (name, vector) in &vectors {
        let bytes = vector.bytes();
        match (read(vector, &bytes), &vector.decoded, &vector.error) {
            (Ok(found), Some(expected), None) => assert_eq!(&found, expected, "{name}"),
            (Err(found), None, Some(expected)) => assert_eq!(&found, expected, "{name}"),
            (found, ..) => panic!("{name}: {found:?} (it names both or neither, or is the other)"),
        }
        assert!(!vector.rfc.is_empty(), "{name}: cites nothing");
    }
    let negative = vectors.iter().filter(|(_, vector)| vector.error.is_some()).count();
    assert!(vectors.len() >= 60 && negative * 2 >= vectors.len(), "{negative}/{}", vectors.len());
}

#[test]
fn vectors_are_framed_alike_however_they_arrive() {
    for (name, vector) in &vectors() {
        let bytes = vector.bytes();
        let whole = Frame::peek(&bytes);
        let mut first = None;
        for cut in 0..=bytes.len() {
            match Frame::peek(&bytes[..cut]) {
                Ok(None) => assert!(first.is_none(), "{name}: known, then not, at {cut}"),
                found => assert_eq!(first.get_or_insert(found), &whole, "{name}: at {cut}"),
            }
        }
        let mut followed = bytes.clone();
        followed.extend_from_slice(&[0x30, 0x03, 0x02, 0x01, 0x01]);
        assert_eq!(Frame::peek(&followed), whole, "{name}: bytes behind it change it");
        if vector.decoded.is_some() {
            let length = whole.unwrap().unwrap().length;
            assert_eq!(length, bytes.len(), "{name}: a vector is one message");
        }
    }
}

#[test]
fn response_heads_are_known_alike_however_they_arrive() {
    for (name, vector) in vectors().iter().filter(|(_, vector)| vector.from == Peer::Server) {
        let bytes = vector.bytes();
        let whole = ResponseHead::peek(&bytes);
        for cut in 0..bytes.len() {
            match ResponseHead::peek(&bytes[..cut]) {
                Ok(None) => {}
                found => assert_eq!(found, whole, "{name}: at {cut}"),
            }
        }
    }
}

#[test]
fn requests_with_trailing_bytes_or_cut_short_are_refused() {
    for (name, vector) in &vectors() {
        let bytes = vector.bytes();
        if vector.from == Peer::Server || vector.decoded.is_none() {
            continue;
        }
        let mut followed = bytes.clone();
        followed.push(0);
        let error = Request::parse(&followed, &FilterLimits::default()).unwrap_err();
        assert_eq!(request_fault(&error).text, "1 trailing bytes", "{name}");
        for cut in 0..bytes.len() {
            assert!(Request::parse(&bytes[..cut], &FilterLimits::default()).is_err(), "{name}");
        }
    }
}

#[test]
fn what_was_read_is_written_alike() {
    for (name, vector) in &vectors() {
        let Some(decoded) = &vector.decoded else {
            continue;
        };
        let bytes = vector.bytes();
        let rebuilt = match vector.from {
            Peer::Client => {
                let request = Request::parse(&bytes, &FilterLimits::default()).unwrap();
                let again = Request::parse_again(&bytes).unwrap();
                assert_eq!(describe_request(&again), describe_request(&request), "{name}: read again");
                rebuild_request(&request)
            }
            Peer::Server => rebuild_response(&bytes),
        };
        let Some(rebuilt) = rebuilt else { continue };
        assert_eq!(&read(vector, &rebuilt).unwrap(), decoded, "{name}");
        if vector.canonical {
            assert_eq!(rebuilt, bytes, "{name}: built again, it differs");
        }
    }
}

#[test]
fn every_kind_of_message_has_a_vector() {
    let mut seen = BTreeMap::new();
    for (_, vector) in vectors() {
        let bytes = vector.bytes();
        if vector.decoded.is_none() {
            continue;
        }
        let header = frame::Frame::peek(&bytes).unwrap().unwrap().header_len;
        let id_length = usize::from(bytes[header + 1]);
        *seen.entry(bytes[header + 2 + id_length]).or_insert(0) += 1;
    }
    for tag in [
        0x60, 0x42, 0x63, 0x66, 0x68, 0x4a, 0x6c, 0x6e, 0x50, 0x77, 0x61, 0x64, 0x65, 0x73, 0x67, 0x69, 0x6b, 0x6d,
        0x6f, 0x78, 0x79,
    ] {
        assert!(seen.contains_key(&tag), "no vector of 0x{tag:02x}");
    }
}
