//! What tests of rules are made of: requests as octets, clients, and lists from their configuration.

use std::net::IpAddr;
use std::sync::Arc;

use ostiary_ber::{Writer, tag};
use ostiary_ldap::message::{ChangeKind, Control, DerefAliases, FilterLimits, Request, Scope};
use ostiary_ldap::write;
use ostiary_policy::{AllowList, AllowListSpec, Asked, ClientFacts, Decision, Faults, Outcome, Who};
use serde_json::Value;

pub fn list(spec: Value) -> AllowList {
    let spec: AllowListSpec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    AllowList::compile(&spec, &mut faults).unwrap_or_else(|| panic!("{:?}", faults.into_vec()))
}

pub fn client() -> ClientFacts {
    from("10.20.0.5")
}

pub fn from(address: &str) -> ClientFacts {
    let address: Option<IpAddr> = address.parse().ok();
    ClientFacts { address, listener: Arc::from("ldaps"), tls: true, certificate: None }
}

pub fn who(name: &str) -> Who {
    Who::from_name(name.as_bytes())
}

/// What a list decides of a request: the explanation must say the same, and so must a second asking.
pub fn judge(list: &AllowList, client: &ClientFacts, who: &Who, message: &[u8]) -> (Decision, Outcome) {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    let asked = Asked::new(&request);
    let candidates = list.candidates(client, who);
    let mut outcome = Outcome::default();
    let decision = list.judge(&candidates, client, who, &asked, &mut outcome);

    let mut again = Outcome::default();
    assert_eq!(list.judge(&candidates, client, who, &Asked::new(&request), &mut again), decision);
    assert_eq!((&again.edit, &again.notes), (&outcome.edit, &outcome.notes));

    let explanation = list.explain(client, who, &asked);
    assert_eq!(explanation.allowed, decision.lets_pass(), "{explanation:?}");
    assert!(!serde_json::to_string(&explanation).unwrap().contains("hunter2"), "values are not told");
    if let Decision::Refuse { rule, .. } | Decision::Allow { rule } = &decision {
        assert_eq!(explanation.rule.as_deref(), Some(list.rule_name(*rule)));
    }
    if let Decision::Refuse { code, .. } = &decision {
        assert_eq!(explanation.code, Some(code.0));
    }
    (decision, outcome)
}

pub fn passes(list: &AllowList, who: &Who, message: &[u8]) -> bool {
    judge(list, &client(), who, message).0.lets_pass()
}

pub fn encoded(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::append(&mut out, write);
    out
}

pub fn equality(attribute: &str, value: &[u8]) -> Vec<u8> {
    assertion(0xa3, attribute, value)
}

pub fn assertion(choice: u8, attribute: &str, value: &[u8]) -> Vec<u8> {
    encoded(|writer| {
        writer.sequence(choice, |item| {
            item.octet_string(tag::OCTET_STRING, attribute.as_bytes());
            item.octet_string(tag::OCTET_STRING, value);
        });
    })
}

pub fn present(attribute: &str) -> Vec<u8> {
    encoded(|writer| writer.octet_string(0x87, attribute.as_bytes()))
}

pub fn initial(attribute: &str, value: &[u8]) -> Vec<u8> {
    encoded(|writer| {
        writer.sequence(0xa4, |item| {
            item.octet_string(tag::OCTET_STRING, attribute.as_bytes());
            item.sequence(tag::SEQUENCE, |parts| parts.octet_string(0x80, value));
        });
    })
}

pub fn extensible(rule: Option<&str>, attribute: Option<&str>, value: &[u8]) -> Vec<u8> {
    encoded(|writer| {
        writer.sequence(0xa9, |item| {
            rule.inspect(|rule| item.octet_string(0x81, rule.as_bytes()));
            attribute.inspect(|attribute| item.octet_string(0x82, attribute.as_bytes()));
            item.octet_string(0x83, value);
        });
    })
}

/// A set: 0xa0 and, 0xa1 or, 0xa2 not.
pub fn set(choice: u8, members: &[Vec<u8>]) -> Vec<u8> {
    encoded(|writer| writer.sequence(choice, |set| members.iter().for_each(|member| set.raw(member))))
}

pub struct Search<'s> {
    pub base: &'s [u8],
    pub scope: Scope,
    pub filter: Vec<u8>,
    pub attributes: Vec<&'s [u8]>,
    pub controls: Vec<(&'s str, Option<Vec<u8>>)>,
}

impl Default for Search<'_> {
    fn default() -> Self {
        Self {
            base: b"ou=people,dc=corp,dc=example",
            scope: Scope::WholeSubtree,
            filter: set(0xa0, &[equality("objectClass", b"person"), equality("uid", b"alice")]),
            attributes: vec![b"uid", b"cn"],
            controls: Vec::new(),
        }
    }
}

impl Search<'_> {
    pub fn message(&self) -> Vec<u8> {
        let search = write::NewSearch {
            base_object: self.base,
            scope: self.scope,
            deref_aliases: DerefAliases::DerefAlways,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: &self.filter,
            attributes: &self.attributes,
        };
        let mut out = Vec::new();
        write::search_request(&mut out, 7, &search, &controls(&self.controls));
        out
    }
}

pub fn controls<'c>(controls: &'c [(&'c str, Option<Vec<u8>>)]) -> Vec<Control<'c>> {
    let control = |(oid, value): &'c (&'c str, Option<Vec<u8>>)| Control {
        control_type: oid.as_bytes(),
        criticality: true,
        value: value.as_deref(),
    };
    controls.iter().map(control).collect()
}

/// The value of a sort control.
pub fn sort_by(keys: &[&str]) -> Option<Vec<u8>> {
    Some(encoded(|writer| {
        writer.sequence(tag::SEQUENCE, |list| {
            for key in keys {
                list.sequence(tag::SEQUENCE, |item| item.octet_string(tag::OCTET_STRING, key.as_bytes()));
            }
        });
    }))
}

/// The value of a pre-read or post-read control.
pub fn selection(selectors: &[&str]) -> Option<Vec<u8>> {
    Some(encoded(|writer| {
        writer.sequence(tag::SEQUENCE, |list| {
            for selector in selectors {
                list.octet_string(tag::OCTET_STRING, selector.as_bytes());
            }
        });
    }))
}

pub fn bind(name: &str, password: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write::bind_request(&mut out, 7, name.as_bytes(), password, &[]);
    out
}

pub fn sasl(mechanism: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::sasl_bind_request(&mut out, 7, mechanism.as_bytes(), Some(b"hunter2"));
    out
}

pub fn modify(object: &str, changes: &[(ChangeKind, &str)], with: &[(&str, Option<Vec<u8>>)]) -> Vec<u8> {
    let values: [&[u8]; 1] = [b"hunter2"];
    let changes: Vec<_> = changes
        .iter()
        .map(|(operation, name)| write::NewChange {
            operation: *operation,
            description: name.as_bytes(),
            values: &values,
        })
        .collect();
    let mut out = Vec::new();
    write::modify_request(&mut out, 7, object.as_bytes(), &changes, &controls(with));
    out
}

pub fn add(entry: &str, attributes: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let attributes = attributes.iter().map(|name| (name.as_bytes(), [&b"hunter2"[..]]));
    write::add_request(&mut out, 7, entry.as_bytes(), attributes, &[]);
    out
}

pub fn delete(entry: &str, with: &[(&str, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut out = Vec::new();
    write::delete_request(&mut out, 7, entry.as_bytes(), &controls(with));
    out
}

pub fn compare(entry: &str, attribute: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write::compare_request(&mut out, 7, entry.as_bytes(), attribute.as_bytes(), b"hunter2");
    out
}

pub fn modify_dn(entry: &str, new_rdn: &str, delete_old: bool, superior: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let superior = superior.map(str::as_bytes);
    write::modify_dn_request(&mut out, 7, entry.as_bytes(), new_rdn.as_bytes(), delete_old, superior);
    out
}

pub fn extended(oid: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    write::extended_request(&mut out, 7, oid.as_bytes(), value, &[]);
    out
}

/// A password modify of somebody, or of oneself.
pub fn password_modify(whose: Option<&str>) -> Vec<u8> {
    let value = encoded(|writer| {
        writer.sequence(tag::SEQUENCE, |fields| {
            whose.inspect(|whose| fields.octet_string(0x80, whose.as_bytes()));
            fields.octet_string(0x82, b"hunter2");
        });
    });
    extended("1.3.6.1.4.1.4203.1.11.1", Some(&value))
}
