//! From the words of a rule to the rule: every fault is named with its key, and what is wrong is not guessed at.

use std::net::IpAddr;

use ipnet::IpNet;
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{ChangeKind, Scope};
use ostiary_ldap::oid::is_numeric_oid;
use ostiary_ldap::result::ResultCode;

use super::attribute_list::AttributeList;
use super::identity::{CertificateTest, Identity};
use super::rule::{Places, Rule};
use super::shape::Shape;
use super::spec::{CodeSpec, Effect, RuleSpec};
use crate::controls::{CONTROLS, EXTENDED, Known};
use crate::fault::Faults;
use crate::spec::{OPERATIONS, OneOrMany};

/// What a refused client is told: not which rule refused it.
pub(crate) const REFUSAL_TEXT: &str = "not allowed here";
/// The name of what happens where no rule matches.
pub(crate) const DEFAULT_NAME: &str = "default";
/// Names are labels of metrics and words of logs.
const NAME_OCTETS: usize = 64;
/// A diagnostic message is one line.
const TEXT_OCTETS: usize = 512;

/// Reads every value of a list that is there, each fault at its place.
pub(crate) fn each<T, U>(
    key: &str,
    values: Option<&OneOrMany<T>>,
    faults: &mut Faults,
    mut read: impl FnMut(&T, &mut Faults) -> Option<U>,
) -> Option<Vec<U>> {
    let values = values?;
    faults.within(key, |faults| match values {
        OneOrMany::One(one) => Some(read(one, faults).into_iter().collect()),
        OneOrMany::Many(many) if many.is_empty() => {
            faults.add("empty list, leave the key out or name something");
            None
        }
        OneOrMany::Many(many) => {
            let mut place = 0_usize;
            let read_one = |value| {
                let read = faults.within(format_args!("[{place}]"), |faults| read(value, faults));
                place = place.saturating_add(1);
                read
            };
            Some(many.iter().filter_map(read_one).collect())
        }
    })
}

/// Reads a word of a table.
fn word<T: Copy>(kind: &str, table: &[(&str, T)], text: &str, faults: &mut Faults) -> Option<T> {
    let found = table.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        faults.add(format!("not {kind}, write one of {}: {text:?}", words.join(", ")));
    }
    found
}

const SCOPES: &[(&str, Scope)] = &[
    ("base", Scope::BaseObject),
    ("one", Scope::SingleLevel),
    ("sub", Scope::WholeSubtree),
    ("children", Scope::SubordinateSubtree),
];
const CHANGES: &[(&str, ChangeKind)] = &[
    ("add", ChangeKind::Add),
    ("delete", ChangeKind::Delete),
    ("replace", ChangeKind::Replace),
    ("increment", ChangeKind::Increment),
];

/// The rule that `spec` spells.
pub(super) fn rule(spec: &RuleSpec, faults: &mut Faults) -> Rule {
    name(&spec.name, faults);
    if spec.effect == Effect::Deny {
        only_for(Effect::Allow, "denies", "allows", &refining_keys(spec), faults);
    } else {
        only_for(
            Effect::Deny,
            "allows",
            "denies",
            &[("code", spec.code.is_some()), ("text", spec.text.is_some())],
            faults,
        );
    }
    if spec.filter.is_some() && spec.filter_attributes.is_some() {
        faults.within("filter_attributes", |faults| faults.add("stands instead of filter, leave one of them out"));
    }
    Rule {
        name: spec.name.as_str().into(),
        effect: spec.effect,
        code: code(spec.code.as_ref(), ResultCode::INSUFFICIENT_ACCESS_RIGHTS, faults),
        text: text(spec.text.as_deref(), REFUSAL_TEXT, faults).into(),
        mode: spec.mode,
        from: each("from", spec.from.as_ref(), faults, |text, faults| network(text, faults)),
        listener: each("listener", spec.listener.as_ref(), faults, |text, faults| plain("listener", text, faults)),
        tls: spec.tls,
        certificate: each("certificate", spec.certificate.as_ref(), faults, CertificateTest::compile),
        identity: each("identity", spec.identity.as_ref(), faults, Identity::compile),
        operations: each("operations", spec.operations.as_ref(), faults, |text, faults| {
            word("an operation", OPERATIONS, text, faults)
        }),
        mechanisms: each("mechanisms", spec.mechanisms.as_ref(), faults, |text, faults| {
            plain("mechanism", text, faults)
        }),
        base: places(spec.base.as_ref(), faults),
        scope: each("scope", spec.scope.as_ref(), faults, |text, faults| word("a scope", SCOPES, text, faults)),
        filter: each("filter", spec.filter.as_ref(), faults, |text, faults| Shape::compile(text, faults)),
        filter_attributes: each("filter_attributes", spec.filter_attributes.as_ref(), faults, |text, faults| {
            attribute(text, faults)
        }),
        attributes: attributes(spec.attributes.as_ref(), faults),
        narrow: spec.narrow,
        controls: each("controls", spec.controls.as_ref(), faults, |text, faults| {
            known("a control", CONTROLS, text, faults)
        }),
        extended: each("extended", spec.extended.as_ref(), faults, |text, faults| {
            known("an extended operation", EXTENDED, text, faults)
        }),
        size_limit: positive("size_limit", spec.size_limit, faults),
        time_limit: positive("time_limit", spec.time_limit, faults),
        changes: each("changes", spec.changes.as_ref(), faults, |text, faults| {
            word("a kind of change", CHANGES, text, faults)
        }),
        aliases: spec.aliases,
    }
}

fn refining_keys(spec: &RuleSpec) -> [(&'static str, bool); 4] {
    [
        ("narrow", spec.narrow),
        ("size_limit", spec.size_limit.is_some()),
        ("time_limit", spec.time_limit.is_some()),
        ("aliases", spec.aliases),
    ]
}

fn only_for(effect: Effect, does: &str, should: &str, keys: &[(&str, bool)], faults: &mut Faults) {
    let word = if effect == Effect::Allow { "allow" } else { "deny" };
    for (key, _) in keys.iter().filter(|(_, is_there)| *is_there) {
        faults.within(*key, |faults| {
            faults.add(format!(
                "speaks of a rule that {should}, and this one {does}: leave it out, or set effect = {word:?}"
            ));
        });
    }
}

fn name(name: &str, faults: &mut Faults) {
    faults.within("name", |faults| {
        if name.is_empty() {
            faults.add("empty, write what logs and metrics shall call the rule");
        } else if name == DEFAULT_NAME {
            faults.add("is what a decision without a rule is called, choose another: \"default\"");
        } else if name.len() > NAME_OCTETS || name.chars().any(char::is_control) {
            faults.add(format!("not a name, write at most {NAME_OCTETS} octets without control characters: {name:?}"));
        }
    });
}

/// The result code of a refusal.
pub(crate) fn code(spec: Option<&CodeSpec>, default: ResultCode, faults: &mut Faults) -> ResultCode {
    let Some(spec) = spec else { return default };
    faults.within("code", |faults| {
        let code = match spec {
            CodeSpec::Number(number) => Some(ResultCode(*number)),
            CodeSpec::Name(name) => ResultCode::from_name(&name.replace('_', "")),
        };
        match code {
            Some(
                ResultCode::SUCCESS
                | ResultCode::COMPARE_FALSE
                | ResultCode::COMPARE_TRUE
                | ResultCode::REFERRAL
                | ResultCode::SASL_BIND_IN_PROGRESS,
            ) => {
                faults.add("not a code that refuses, write insufficientAccessRights or another error");
                default
            }
            Some(code) => code,
            None => {
                faults.add("not a result code, write a number or a name of RFC 4511, as insufficientAccessRights");
                default
            }
        }
    })
}

/// The diagnostic message of a refusal.
pub(crate) fn text<'t>(spec: Option<&'t str>, default: &'t str, faults: &mut Faults) -> &'t str {
    let Some(text) = spec else { return default };
    if text.len() > TEXT_OCTETS || text.chars().any(char::is_control) {
        faults.within("text", |faults| {
            faults.add(format!("not one line, write at most {TEXT_OCTETS} octets without control characters"));
        });
    }
    text
}

/// A network, or one address.
pub(crate) fn network(text: &str, faults: &mut Faults) -> Option<IpNet> {
    let read = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    match read {
        Ok(IpNet::V6(v6)) if v6.addr().to_ipv4_mapped().is_some() => {
            faults.add(format!("an IPv4 network inside IPv6, write it as IPv4: {text:?}"));
        }
        Ok(network) if network.addr() == network.network() => return Some(network),
        Ok(network) => {
            faults.add(format!("has bits behind its prefix, write {:?}: {text:?}", network.trunc().to_string()));
        }
        Err(_) => faults.add(format!("not a network, write one as 10.0.0.0/8 or fd00::/8: {text:?}")),
    }
    None
}

fn plain(kind: &str, text: &str, faults: &mut Faults) -> Option<Box<str>> {
    if text.is_empty() {
        faults.add(format!("empty, name a {kind}"));
        return None;
    }
    Some(text.into())
}

fn places(spec: Option<&OneOrMany<String>>, faults: &mut Faults) -> Option<Places> {
    let mut places = Places::default();
    each("base", spec, faults, |text, faults| {
        match text.as_str() {
            "rootDSE" => places.root_dse = true,
            "" => faults.add("everything is below the empty DN, write \"rootDSE\" for the root DSE, or leave base out"),
            _ => {
                let read = Dn::parse(text).map_err(|error| format!("not a DN, {error}: {text:?}"));
                match faults.take(read) {
                    Some(dn) if dn.is_root() => faults.add("everything is below it, leave base out"),
                    Some(dn) => places.within.push(dn),
                    None => {}
                }
            }
        }
        Some(())
    })?;
    Some(places)
}

fn attribute(text: &str, faults: &mut Faults) -> Option<AttributeDescription> {
    let read =
        AttributeDescription::parse(text.as_bytes()).map_err(|error| format!("{error}, name an attribute: {text:?}"));
    faults.take(read)
}

fn attributes(spec: Option<&OneOrMany<String>>, faults: &mut Faults) -> Option<AttributeList> {
    let mut list = AttributeList::default();
    each("attributes", spec, faults, |text, faults| {
        match text.as_str() {
            "*" => list.all_user = true,
            "+" => list.all_operational = true,
            _ => list.named.push((attribute(text, faults)?, text.as_str().into())),
        }
        Some(())
    })?;
    Some(list)
}

fn known(kind: &str, table: &[Known], text: &str, faults: &mut Faults) -> Option<Box<str>> {
    if is_numeric_oid(text.as_bytes()) {
        return Some(text.into());
    }
    let words: Vec<(&str, &str)> = table.iter().map(|known| (known.name, known.oid)).collect();
    word(&format!("{kind} or an object identifier"), &words, text, faults).map(Into::into)
}

fn positive(key: &str, number: Option<u32>, faults: &mut Faults) -> Option<u32> {
    if number == Some(0) {
        faults.within(key, |faults| faults.add("zero would be no limit, leave it out or write a number above"));
    }
    number
}
