//! What is known of a client before it says anything: where it comes from, and over what.
//!
//! Whether a certificate is to be trusted is not decided here: it is given when the handshake has proved it.

use core::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use ostiary_ber::{Error, Reader, tag};
use ostiary_ldap::dn::Dn;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

/// What a client's connection is.
#[derive(Debug, Clone)]
pub struct ClientFacts {
    /// Its address; none on a unix socket. An IPv4 address inside IPv6 is given as IPv4.
    pub address: Option<IpAddr>,
    /// The listener it came by.
    pub listener: Arc<str>,
    /// Whether TLS is on.
    pub tls: bool,
    /// The certificate that it proved to have.
    pub certificate: Option<Arc<Certificate>>,
}

/// What rules may ask of a client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject; none when it cannot be normalised.
    pub subject: Option<Dn>,
    /// Its subject alternative names, DNS names and URIs, in lower case.
    pub names: Vec<Box<str>>,
}

impl Certificate {
    /// What a certificate in DER says; none if it is none.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let der = CertificateDer::from(der);
        let certificate = EndEntityCert::try_from(&der).ok()?;
        let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        Some(Self {
            subject: subject(certificate.subject()),
            names: names.map(|name| name.to_ascii_lowercase().into()).collect(),
        })
    }
}

/// `RDNSequence ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }` (X.501), without its own tag
/// and length. Written as a DN's text in its hex form, it is normalised as every other DN. X.509 begins at the root,
/// and LDAP ends there.
fn subject(sequence: &[u8]) -> Option<Dn> {
    let mut rdns = rdns(sequence).ok()?;
    rdns.reverse();
    Dn::parse(&rdns.join(",")).ok().filter(|dn| !dn.is_root())
}

fn rdns(sequence: &[u8]) -> Result<Vec<String>, Error> {
    let mut rdns = Vec::new();
    let mut sequence = Reader::new(sequence);
    while !sequence.is_empty() {
        let mut set = sequence.read_reader("subject.rdn", tag::SET)?;
        let mut avas = Vec::new();
        while !set.is_empty() {
            let mut ava = set.read_reader("subject.ava", tag::SEQUENCE)?;
            let oid = dotted(ava.read("subject.ava.type", OBJECT_IDENTIFIER)?);
            let mut text = format!("{oid}=#");
            for octet in ava.rest() {
                // Writing to a String does not fail.
                let _ = write!(text, "{octet:02x}");
            }
            avas.push(text);
        }
        rdns.push(avas.join("+"));
    }
    Ok(rdns)
}

const OBJECT_IDENTIFIER: u8 = 0x06;

/// An object identifier's content in dotted form (X.690 section 8.19); one with an arc beyond 64 bits gives no text
/// that is one.
fn dotted(content: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    for octet in content {
        let Some(shifted) = arc.checked_mul(0x80) else { return String::new() };
        arc = shifted | u64::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            continue;
        }
        if arcs.is_empty() {
            // The first two arcs share a number.
            let first = (arc / 40).min(2);
            arcs.push(first);
            arc = arc.saturating_sub(first.saturating_mul(40));
        }
        arcs.push(arc);
        arc = 0;
    }
    arcs.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_its_subject_and_names() {
        let der = include_bytes!("../../session/tests/certificate/localhost.crt.der");
        let certificate = Certificate::from_der(der).unwrap();
        assert!(certificate.subject.is_some() || !certificate.names.is_empty(), "{certificate:?}");
        assert!(certificate.names.contains(&"localhost".into()), "{certificate:?}");
        assert_eq!(Certificate::from_der(b"\x30\x00"), None);
    }

    #[test]
    fn a_subject_is_read_from_the_leaf_to_the_root_whatever_its_string_types() {
        // dc=example (IA5String), o=Corp (PrintableString) with cn=App (UTF8String) in one RDN.
        let sequence = [
            &b"\x31\x17\x30\x15\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19\x16\x07example"[..],
            b"\x31\x19\x30\x0b\x06\x03\x55\x04\x0a\x13\x04Corp\x30\x0a\x06\x03\x55\x04\x03\x0c\x03App",
        ]
        .concat();
        assert_eq!(subject(&sequence), Some(Dn::parse("CN=app+O=corp,DC=Example").unwrap()));
        assert_eq!(subject(b""), None, "an empty subject says nothing of anybody");
        assert_eq!(subject(b"\x31\x05\x30\x03\x06\x03"), None);
        assert_eq!(dotted(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), "1.2.840.113549.1.9.1");
        assert_eq!(dotted(b"\x88\x37\x03"), "2.999.3");
    }
}
