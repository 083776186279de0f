//! Requests, clients and audits for the tests, and the records that come of them.

// Each test file uses its own part of it.
#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr};

use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{Control, DerefAliases, FilterLimits, Request, Scope};
use ostiary_ldap::write::{self, NewSearch};
use ostiary_ledger::audit::{Audit, AuditSpec, ClientFields, End, Format, SamplingSpec};

/// 2026-02-03T04:05:06.789Z
pub const NOW: f64 = 1_770_091_506.789;

pub const FORMATS: [Format; 3] = [Format::Json, Format::Ecs, Format::Cef];

pub fn spec(format: Format) -> AuditSpec {
    AuditSpec {
        format,
        filter_values: false,
        secret_attributes: Vec::new(),
        sampling: SamplingSpec::default(),
        buffer_bytes: 1 << 20,
        syslog: None,
    }
}

pub fn audit(format: Format) -> Audit {
    Audit::compile(&spec(format)).unwrap()
}

pub fn client() -> ClientFields<'static> {
    ClientFields {
        connection: 7,
        address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        port: 4711,
        listener: "ldaps",
        upstream: "directory",
        tls_version: Some("1.3"),
        tls_cipher: Some("TLS13_AES_128_GCM_SHA256"),
        certificate: None,
        identity: Some("cn=wiki,dc=example"),
    }
}

/// A client of which nothing more is known than what always is.
pub fn plain_client() -> ClientFields<'static> {
    ClientFields { address: None, tls_version: None, tls_cipher: None, identity: None, ..client() }
}

pub fn search(base: &[u8], filter: &[u8], attributes: &[&[u8]], controls: &[Control<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    let search = NewSearch {
        base_object: base,
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter,
        attributes,
    };
    write::search_request(&mut message, 3, &search, controls);
    message
}

pub fn filter(text: &str) -> Vec<u8> {
    Filter::parse(text, &FilterLimits::default()).unwrap().to_ber()
}

pub fn made(make: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    make(&mut message);
    message
}

/// Records one operation.
pub fn record(audit: &mut Audit, client: &ClientFields<'_>, message: &[u8], end: &End<'_>) -> String {
    let limits = FilterLimits { depth: 10_000, nodes: 1_000_000 };
    let request = Request::parse(message, &limits).unwrap();
    let (client, request) = (audit.client(client), audit.request(&request));
    audit.finished(NOW, &client, &request, end);
    let (records, count) = audit.drain();
    assert_eq!((count, audit.take_lost()), (1, 0));
    String::from_utf8(records).unwrap()
}
