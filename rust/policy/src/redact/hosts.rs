//! The names of upstream hosts in responses: continuation references, referrals, and the root DSE.
//!
//! These are few, so they are taken apart and put together anew. Where a referral loses all its URIs it is no
//! referral any more: its code becomes unwillingToPerform(53), the nearest that a client's library knows, and its
//! diagnosticMessage is emptied, for Active Directory names the hosts there once more.

use ostiary_ber::{Error, Reader, Writer, integer_value, tag};
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::message::{ResponseHead, ResponseOp};
use ostiary_ldap::result::ResultCode;

use super::rebuild::{Envelope, element, raw, write_like};
use super::referral::{GatewayUrl, shown};
use super::secrets::Secrets;
use super::spec::HostNames;

const REFERRAL_TAG: u8 = 0xa3;

/// What a host attribute of the root DSE has.
#[derive(Clone, Copy)]
enum HostValue {
    /// The name itself.
    Name,
    /// URIs.
    Uris,
    /// Something around the name that cannot be told in another's name.
    Other,
}

/// The attributes of a root DSE that name its host, by their one names. Those that are DNs or Kerberos names of the
/// server are cut even where names are rewritten: nothing that could stand there would be true.
const HOST_ATTRIBUTES: &[(&str, HostValue)] = &[
    ("altserver", HostValue::Uris),
    ("dnshostname", HostValue::Name),
    ("dsaname", HostValue::Other),
    ("dsservicename", HostValue::Other),
    ("ldapservicename", HostValue::Other),
    ("netlogon", HostValue::Other),
    ("netscapemdsuffix", HostValue::Other),
    ("ref", HostValue::Uris),
    ("servername", HostValue::Other),
];

/// What becomes of host names, for all clients alike.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) referrals: HostNames,
    pub(super) root_dse: HostNames,
    /// There is one where anything is rewritten.
    pub(super) gateway: Option<GatewayUrl>,
}

/// What became of a message.
pub(super) enum Rebuilt {
    /// Nothing: it stays as it is.
    Same,
    /// It was written anew.
    Written,
    /// Nothing is left of it.
    Dropped,
}

impl Hosts {
    /// Whether any response may have to change.
    pub(super) fn is_any(&self) -> bool {
        self.referrals != HostNames::Pass || self.root_dse != HostNames::Pass
    }

    /// Whether this response may have to change: most entries need no further look.
    #[inline]
    pub(super) fn may_change(&self, head: &ResponseHead, message: &[u8], secrets: &Secrets) -> bool {
        match head.operation {
            ResponseOp::Intermediate => false,
            ResponseOp::SearchEntry => {
                self.root_dse != HostNames::Pass && {
                    let mut body = Reader::new(head.body(message));
                    body.octet_string("objectName").is_ok_and(<[u8]>::is_empty)
                }
            }
            _ => self.referrals != HostNames::Pass || secrets.has_entries(),
        }
    }

    /// Appends `message` to `out` as it is shown.
    pub(super) fn rebuild(
        &self,
        operation: ResponseOp,
        message: &[u8],
        secrets: &Secrets,
        out: &mut Vec<u8>,
    ) -> Result<Rebuilt, Error> {
        let envelope = Envelope::read(message)?;
        let body = match operation {
            ResponseOp::SearchEntry => self.root_dse(envelope.body)?,
            ResponseOp::SearchReference => match self.uris(envelope.body, self.referrals, secrets)? {
                Uris::None => return Ok(Rebuilt::Dropped),
                Uris::Same => None,
                Uris::Changed(uris) => Some(uris),
            },
            _ => self.result(envelope.body, secrets)?,
        };
        let Some(body) = body else { return Ok(Rebuilt::Same) };
        envelope.write(&body, out);
        Ok(Rebuilt::Written)
    }

    /// What is shown of a result; none if it stays. What stands behind the code may be left out by old servers, and
    /// is something else in Sicily's bind responses, so elements are told by their tags.
    fn result(&self, mut body: Reader<'_>, secrets: &Secrets) -> Result<Option<Vec<u8>>, Error> {
        let mut code = body;
        let number = integer_value("resultCode", body.offset(), code.read("resultCode", tag::ENUMERATED)?)?;
        let is_referral = number == i64::from(ResultCode::REFERRAL.0);
        let mut written = raw("resultCode", &mut body)?.to_vec();
        let (mut strings, mut has_uris, mut changed) = (0_u8, false, false);
        while !body.is_empty() {
            let mut next = body;
            let bytes = raw("result", &mut body)?;
            match bytes.first() {
                Some(&REFERRAL_TAG) => {
                    let (header, uris) = element("referral", &mut next)?;
                    match self.uris(uris, self.referrals, secrets)? {
                        Uris::None => changed = true,
                        Uris::Same => {
                            has_uris = true;
                            written.extend_from_slice(bytes);
                        }
                        Uris::Changed(uris) => {
                            (has_uris, changed) = (true, true);
                            write_like(header, &uris, &mut written);
                        }
                    }
                }
                Some(&tag::OCTET_STRING) => {
                    strings = strings.saturating_add(1);
                    let is_message = strings == 2;
                    if is_referral && is_message && self.referrals != HostNames::Pass && bytes.len() > 2 {
                        changed = true;
                        written.extend_from_slice(&[tag::OCTET_STRING, 0]);
                    } else {
                        written.extend_from_slice(bytes);
                    }
                }
                _ => written.extend_from_slice(bytes),
            }
        }
        if is_referral && !has_uris && (changed || self.referrals != HostNames::Pass) {
            return Ok(Some(no_referral(&written)));
        }
        Ok(changed.then_some(written))
    }

    fn uris(&self, mut list: Reader<'_>, names: HostNames, secrets: &Secrets) -> Result<Uris, Error> {
        let (mut uris, mut changed) = (Vec::new(), false);
        while !list.is_empty() {
            let uri = list.octet_string("referral.uri")?;
            match shown(uri, names, self.gateway.as_ref(), secrets) {
                // Servers of one name become one server: once is enough.
                Some(shown) if uris.contains(&shown) => changed = true,
                Some(shown) => {
                    changed |= *shown != *uri;
                    uris.push(shown);
                }
                None => changed = true,
            }
        }
        if uris.is_empty() {
            return Ok(Uris::None);
        }
        Ok(if changed { Uris::Changed(strings(uris.iter().map(AsRef::as_ref))) } else { Uris::Same })
    }

    /// What is shown of a root DSE; none if it stays.
    fn root_dse(&self, mut body: Reader<'_>) -> Result<Option<Vec<u8>>, Error> {
        let mut written = raw("searchResEntry.objectName", &mut body)?.to_vec();
        let (header, mut list) = element("searchResEntry.attributes", &mut body)?;
        let (mut attributes, mut changed) = (Vec::new(), false);
        while !list.is_empty() {
            let mut next = list;
            let bytes = raw("searchResEntry.attributes.attribute", &mut list)?;
            let (attribute_header, mut attribute) = element("attribute", &mut next)?;
            let mut kept = attribute;
            let description = attribute.octet_string("attribute.type")?;
            let Some(value) = host_value(description) else {
                attributes.extend_from_slice(bytes);
                continue;
            };
            changed = true;
            let (values_header, values) = element("attribute.vals", &mut attribute)?;
            if let Some(values) = self.host_values(value, values)? {
                let mut content = raw("attribute.type", &mut kept)?.to_vec();
                write_like(values_header, &values, &mut content);
                write_like(attribute_header, &content, &mut attributes);
            }
        }
        if !changed {
            return Ok(None);
        }
        write_like(header, &attributes, &mut written);
        written.extend_from_slice(body.rest());
        Ok(Some(written))
    }

    /// What is shown in the place of these values; none if the attribute is cut.
    fn host_values(&self, value: HostValue, values: Reader<'_>) -> Result<Option<Vec<u8>>, Error> {
        let Some(gateway) = self.gateway.as_ref().filter(|_| self.root_dse == HostNames::Rewrite) else {
            return Ok(None);
        };
        Ok(match value {
            HostValue::Other => None,
            // Types without values stay without: that is what was asked for.
            HostValue::Name | HostValue::Uris if values.is_empty() => Some(Vec::new()),
            HostValue::Name => Some(strings([gateway.host().as_bytes()])),
            HostValue::Uris => match self.uris(values, HostNames::Rewrite, &Secrets::default())? {
                Uris::None => None,
                Uris::Same => Some(values.rest().to_vec()),
                Uris::Changed(uris) => Some(uris),
            },
        })
    }
}

enum Uris {
    None,
    Same,
    Changed(Vec<u8>),
}

fn host_value(description: &[u8]) -> Option<HostValue> {
    let Ok(description) = AttributeDescription::parse(description) else { return Some(HostValue::Other) };
    let name = description.attribute_type().as_str();
    HOST_ATTRIBUTES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn strings<'s>(contents: impl IntoIterator<Item = &'s [u8]>) -> Vec<u8> {
    let mut written = Vec::new();
    Writer::append(&mut written, |writer| {
        contents.into_iter().for_each(|content| writer.octet_string(tag::OCTET_STRING, content));
    });
    written
}

/// The result without URIs in another's place: its code is changed, and what it has to say is not said.
fn no_referral(result: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(result);
    let mut written = Vec::new();
    let skipped = reader.read_any("resultCode");
    let matched_dn = reader.read_optional("matchedDN", tag::OCTET_STRING).ok().flatten();
    let message = reader.read_optional("diagnosticMessage", tag::OCTET_STRING).ok().flatten();
    Writer::append(&mut written, |writer| {
        writer.enumerated(i64::from(ResultCode::UNWILLING_TO_PERFORM.0));
        if let (Ok(_), Some(matched_dn)) = (skipped, matched_dn) {
            writer.octet_string(tag::OCTET_STRING, matched_dn);
        }
        if message.is_some() {
            writer.octet_string(tag::OCTET_STRING, b"");
        }
        writer.raw(reader.rest());
    });
    written
}
