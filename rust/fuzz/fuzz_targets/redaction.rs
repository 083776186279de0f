//! What of a response is shown: whole messages only, nothing hidden in them, and the rest as the server sent it.
//! Searches that are rewritten: they parse, and only what was asked for differs.
//!
//! Input: an octet that chooses the rules, then any octets as a message, and the same octets as choices for one.
#![no_main]

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ostiary_ber::{Reader, tag};
use ostiary_fuzz::{ATTRIBUTES, Choices};
use ostiary_ldap::attribute::{AttributeDescription, AttributeType};
use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{DerefAliases, FilterLimits, Operation, Request, ResponseHead, ResponseOp};
use ostiary_ldap::oid::{POST_READ_OID, PRE_READ_OID};
use ostiary_policy::redact::{Fate, Redact, RedactSpec, Redaction};
use ostiary_policy::{ClientFacts, Faults, SearchEdit, Who, rewrite_search};
use serde_json::{Value, json};

/// What one client may not see, told twice: compiled, and as plainly as can be.
struct Case {
    redaction: Arc<Redaction>,
    types: Vec<AttributeType>,
    dns: Vec<Dn>,
    /// The URL in which all others are rewritten.
    gateway: Option<&'static str>,
    strips_referrals: bool,
    hides_hosts: bool,
}

const GATEWAY: &str = "ldaps://gateway.example";

fn case(attributes: &[&str], hide: &[&str], hosts: [&str; 2]) -> Case {
    let mut rules = Vec::new();
    for (place, attribute) in attributes.iter().enumerate() {
        rules.push(json!({ "name": format!("attribute-{place}"), "attributes": [attribute] }));
    }
    for (place, dn) in hide.iter().enumerate() {
        rules.push(json!({ "name": format!("entry-{place}"), "hide": dn }));
    }
    let url = hosts.contains(&"rewrite").then_some(GATEWAY);
    let spec = json!({ "rules": rules, "referrals": hosts[0], "root_dse": hosts[1], "referral_url": url });
    let client = ClientFacts { address: None, listener: "test".into(), tls: false, certificate: None };
    Case {
        redaction: compile(spec).view(&client, &Who::Anonymous).expect("something is hidden"),
        types: attributes.iter().map(|name| AttributeType::parse(name.as_bytes()).unwrap()).collect(),
        dns: hide.iter().map(|dn| Dn::parse(dn).unwrap()).collect(),
        gateway: (hosts[0] == "rewrite").then_some(GATEWAY),
        strips_referrals: hosts[0] == "strip",
        hides_hosts: hosts[1] == "strip",
    }
}

fn compile(spec: Value) -> Redact {
    let spec: RedactSpec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    Redact::compile(&spec, &mut faults).unwrap_or_else(|| panic!("{:?}", faults.into_vec()))
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    vec![
        case(&["userPassword"], &[], ["pass", "pass"]),
        case(&["name", "x-secret"], &[], ["pass", "pass"]),
        case(&[], &["ou=hr,dc=corp"], ["pass", "pass"]),
        case(&["cn", "x-a-name-that-is-longer-than-any-block-is"], &["ou=hr,dc=corp"], ["strip", "strip"]),
        case(&["member"], &["uid=alice,ou=people,dc=corp", "ou=hr,dc=corp"], ["rewrite", "rewrite"]),
        case(&[], &[], ["rewrite", "strip"]),
        case(&[], &["dc=corp"], ["strip", "pass"]),
        case(&["sn"], &[], ["rewrite", "pass"]),
    ]
});

impl Case {
    fn hides_attribute(&self, description: &[u8]) -> bool {
        !self.types.is_empty()
            && AttributeDescription::parse(description).map_or(true, |description| {
                let own = Some(description.attribute_type().clone());
                std::iter::successors(own, AttributeType::supertype).any(|each| self.types.contains(&each))
            })
    }

    fn hides_entry(&self, name: &[u8]) -> bool {
        !self.dns.is_empty()
            && Dn::from_bytes(name).map_or(true, |dn| self.dns.iter().any(|hidden| dn.is_within(hidden)))
    }

    fn names_host(&self, description: &[u8]) -> bool {
        self.hides_hosts
            && AttributeDescription::parse(description)
                .is_ok_and(|description| ["dnshostname", "ref"].contains(&description.attribute_type().as_str()))
    }

    /// What is hidden of an entry, in words; none if nothing is. What cannot be read says nothing.
    fn secret_of_entry(&self, mut body: Reader<'_>) -> Option<String> {
        let name = body.octet_string("name").ok()?;
        if self.hides_entry(name) {
            return Some(format!("the entry {}", name.escape_ascii()));
        }
        let mut list = body.read_reader("attributes", tag::SEQUENCE).ok()?;
        while !list.is_empty() {
            let mut attribute = list.read_reader("attribute", tag::SEQUENCE).ok()?;
            let description = attribute.octet_string("type").ok()?;
            if self.hides_attribute(description) || (name.is_empty() && self.names_host(description)) {
                return Some(format!("the attribute {}", description.escape_ascii()));
            }
        }
        None
    }

    /// What is hidden of a whole message.
    fn secret(&self, head: &ResponseHead, message: &[u8]) -> Option<String> {
        for control in head.controls(message) {
            if [PRE_READ_OID, POST_READ_OID].iter().any(|oid| control.control_type == oid.as_bytes())
                && let Some(value) = control.value
                && let Ok((tag::SEQUENCE | 0x64, body)) = Reader::new(value).read_any_reader("entry")
                && let Some(secret) = self.secret_of_control(body)
            {
                return Some(format!("{secret} in a control"));
            }
        }
        let mut body = Reader::new(head.body(message));
        match head.operation {
            ResponseOp::SearchEntry => self.secret_of_entry(body),
            ResponseOp::SearchReference => self.secret_of_uris(body),
            ResponseOp::Intermediate | ResponseOp::Bind => None,
            _ => {
                body.read("code", tag::ENUMERATED).ok()?;
                let matched = body.octet_string("matched").ok()?;
                if !matched.is_empty() && self.hides_entry(matched) {
                    return Some(format!("the name {}", matched.escape_ascii()));
                }
                body.octet_string("text").ok()?;
                let uris = body.read_reader("referral", 0xa3).ok()?;
                self.secret_of_uris(uris)
            }
        }
    }

    /// The root DSE in a control is nobody's answer, so its hosts are not looked for there.
    fn secret_of_control(&self, body: Reader<'_>) -> Option<String> {
        let secret = self.secret_of_entry(body)?;
        let mut name = body;
        let is_root = name.octet_string("name").is_ok_and(<[u8]>::is_empty);
        (!is_root || !self.hides_hosts).then_some(secret)
    }

    fn secret_of_uris(&self, mut uris: Reader<'_>) -> Option<String> {
        while !uris.is_empty() {
            let uri = uris.octet_string("uri").ok()?;
            let is_own = self.gateway.is_none_or(|url| uri.starts_with(url.as_bytes()));
            if self.strips_referrals || !is_own {
                return Some(format!("the host of {}", uri.escape_ascii()));
            }
        }
        None
    }

    fn shows(&self, message: &[u8]) {
        let Ok(Some(head)) = ResponseHead::peek(message) else { return };
        if head.length > message.len() {
            assert!(self.redaction.response(&head, message, &mut Vec::new()).is_err(), "part of a message is judged");
            return;
        }
        let mut out = b"before".to_vec();
        let fate = self.redaction.response(&head, message, &mut out);
        let shown = out.split_off(6);
        assert_eq!(out, b"before");
        let message = &message[..head.length];
        match fate {
            Err(_) => {}
            Ok(Fate::Dropped { .. }) => assert!(shown.is_empty()),
            Ok(Fate::Untouched) => {
                assert!(shown.is_empty());
                assert_eq!(self.secret(&head, message), None);
            }
            Ok(Fate::Rewritten { .. }) => {
                let after = ResponseHead::peek(&shown).expect("what is shown is a response").expect("a whole one");
                assert_eq!(after.length, shown.len());
                assert_eq!((after.message_id, after.operation), (head.message_id, head.operation));
                assert_eq!(self.secret(&after, &shown), None);
                self.keeps_the_rest(&head, message, &shown);
                let mut again = Vec::new();
                match self.redaction.response(&after, &shown, &mut again) {
                    Ok(Fate::Untouched) => assert!(again.is_empty()),
                    Ok(Fate::Rewritten { .. }) => assert_eq!(again, shown),
                    other => panic!("what is shown is judged {other:?}"),
                }
            }
        }
    }

    /// Of an entry, what is not hidden is there with its octets and in its order.
    fn keeps_the_rest(&self, head: &ResponseHead, message: &[u8], shown: &[u8]) {
        if head.operation != ResponseOp::SearchEntry {
            return;
        }
        let (Some((name, before)), Some((shown_name, after))) = (attributes(message), attributes(shown)) else {
            panic!("an entry that was rewritten is one");
        };
        assert_eq!(name, shown_name);
        if !name.is_empty() {
            let kept: Vec<_> = before
                .into_iter()
                .filter(|(description, _)| after.iter().any(|(each, _)| each == description))
                .collect();
            assert_eq!(kept, after);
        }
        // Numbers that nobody knows may be those of what is hidden by name.
        let is_plain = |description: &[u8]| {
            description.first().is_some_and(u8::is_ascii_alphabetic) && !description.contains(&b'.')
        };
        let described: HashSet<_> = after.iter().map(|(description, _)| *description).collect();
        let (_, before) = attributes(message).expect("read once already");
        for (description, _) in before.iter().filter(|(description, _)| is_plain(description)) {
            let is_hidden = self.hides_attribute(description) || name.is_empty();
            assert!(is_hidden || described.contains(description), "{} is gone", description.escape_ascii());
        }
    }
}

/// The name of an entry, and its attributes: description and octets of each.
fn attributes(message: &[u8]) -> Option<(&[u8], Vec<(&[u8], &[u8])>)> {
    let head = ResponseHead::peek(message).ok()??;
    let mut body = Reader::new(head.body(message));
    let name = body.octet_string("name").ok()?;
    let mut list = body.read_reader("attributes", tag::SEQUENCE).ok()?;
    let mut found = Vec::new();
    while !list.is_empty() {
        let before = list.rest();
        let mut attribute = list.read_reader("attribute", tag::SEQUENCE).ok()?;
        let octets = &before[..before.len() - list.rest().len()];
        found.push((attribute.octet_string("type").ok()?, octets));
    }
    Some((name, found))
}

/// The lower of both limits, where 0 is none.
fn least(asked: u32, limit: Option<u32>) -> u32 {
    let limit = limit.unwrap_or(0).min(i32::MAX.unsigned_abs());
    [asked, limit].into_iter().filter(|limit| *limit != 0).min().unwrap_or(0)
}

fn rewrites(message: &[u8], choices: &mut Choices<'_>) {
    let limits = FilterLimits { depth: 8, nodes: 64 };
    let Ok(request) = Request::parse(message, &limits) else { return };
    let Operation::Search(search) = &request.operation else { return };
    let limit = |choices: &mut Choices<'_>| choices.flag().then(|| choices.one(&[0, 1, 500, u32::MAX]));
    let edit = SearchEdit {
        attributes: choices.flag().then(|| choices.few(|choices| choices.one(ATTRIBUTES).into())),
        size_limit: limit(choices),
        time_limit: limit(choices),
        never_deref_aliases: choices.flag(),
    };
    let mut out = b"before".to_vec();
    let is_changed = rewrite_search(&request, search, &edit, &mut out);
    let written = out.split_off(6);
    assert_eq!(out, b"before");
    assert_eq!(is_changed, !written.is_empty());
    let written = if is_changed { &written } else { message };
    let again = Request::parse(written, &limits).expect("what is written is a request");
    let Operation::Search(found) = &again.operation else { panic!("a search stays one") };
    assert_eq!(again.message_id, request.message_id);
    assert!(again.controls.eq(request.controls));
    let fields = |search: &ostiary_ldap::message::SearchRequest<'_>| (search.scope, search.types_only);
    assert_eq!((found.base_object, fields(found), found.filter), (search.base_object, fields(search), search.filter));
    assert_eq!(found.size_limit, least(search.size_limit, edit.size_limit));
    assert_eq!(found.time_limit, least(search.time_limit, edit.time_limit));
    let never = DerefAliases::NeverDerefAliases;
    assert_eq!(found.deref_aliases, if edit.never_deref_aliases { never } else { search.deref_aliases });
    match &edit.attributes {
        None => assert!(found.attributes.eq(search.attributes)),
        Some(list) if list.is_empty() => assert!(found.attributes.eq([b"1.1"])),
        Some(list) => assert!(found.attributes.eq(list.iter().map(|selector| selector.as_bytes()))),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let case = &CASES[usize::from(*choice) % CASES.len()];
    case.shows(rest);
    case.shows(&ostiary_fuzz::response(&mut Choices::new(rest), 7));
    rewrites(rest, &mut Choices::new(&[*choice, choice >> 2, choice >> 3, 3, 1, choice >> 4, 2]));
    let mut choices = Choices::new(rest);
    let message = ostiary_fuzz::request(&mut choices, 7);
    rewrites(&message, &mut choices);
});
