//! One rule, compiled: whom it applies to, and what it hides from them.

use std::sync::Arc;

use ostiary_ldap::attribute::{AttributeDescription, AttributeType};
use ostiary_ldap::dn::Dn;

use super::applies::Clients;
use super::hosts::Hosts;
use super::response::Redaction;
use super::secrets::{Part, Secrets, has_known_oid, is_numeric};
use super::spec::RedactRuleSpec;
use crate::decision::Mode;
use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::rules::truth::Truth;
use crate::spec::OneOrMany;
use crate::who::Who;

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) mode: Mode,
    clients: Clients,
    unless: Option<Clients>,
    types: Vec<AttributeType>,
    hidden: Vec<Dn>,
    /// What it hides, by itself.
    pub(super) alone: Arc<Redaction>,
}

impl Rule {
    pub(super) fn compile(spec: &RedactRuleSpec, place: u16, hosts: &Arc<Hosts>, faults: &mut Faults) -> Self {
        if spec.name.is_empty() {
            faults.within("name", |faults| faults.add("a rule needs a name"));
        }
        let clients = Clients::compile(spec.from.as_ref(), spec.listener.as_ref(), spec.identity.as_ref(), faults);
        let unless = spec.unless.as_ref().map(|unless| {
            faults.within("unless", |faults| {
                let clients =
                    Clients::compile(unless.from.as_ref(), unless.listener.as_ref(), unless.identity.as_ref(), faults);
                if clients.is_everybody() {
                    faults.add("excepts everybody: say whom, or delete the rule");
                }
                clients
            })
        });
        let types = faults.within("attributes", |faults| types(&spec.attributes, faults));
        let hidden = faults.within("hide", |faults| hidden(spec, faults));
        if spec.attributes.is_empty() && spec.hide.as_ref().is_none_or(|hide| hide.as_slice().is_empty()) {
            faults.add("hides nothing: name attributes, or DNs under hide");
        }
        let secrets = Secrets::new([Part { rule: place, types: &types, hidden: &hidden }]);
        let alone = Arc::new(Redaction { secrets, hosts: Arc::clone(hosts) });
        Self { name: spec.name.as_str().into(), mode: spec.mode, clients, unless, types, hidden, alone }
    }

    /// Whether it hides something from this client. In doubt it does.
    pub(super) fn applies(&self, client: &ClientFacts, who: &Who) -> bool {
        self.clients.include(client, who) != Truth::No && !self.excepts(client, who)
    }

    fn excepts(&self, client: &ClientFacts, who: &Who) -> bool {
        self.unless.as_ref().is_some_and(|unless| unless.include(client, who) == Truth::Yes)
    }

    /// The key by which it does not apply to this client; none if it does.
    pub(super) fn spared_by(&self, client: &ClientFacts, who: &Who) -> Option<&'static str> {
        self.clients.excluded_by(client, who).or_else(|| self.excepts(client, who).then_some("unless"))
    }

    pub(super) fn part(&self, rule: u16) -> Part<'_> {
        Part { rule, types: &self.types, hidden: &self.hidden }
    }
}

fn types(names: &[String], faults: &mut Faults) -> Vec<AttributeType> {
    let mut types = Vec::new();
    for (place, name) in names.iter().enumerate() {
        faults.within(format_args!("[{place}]"), |faults| match AttributeDescription::parse(name.as_bytes()) {
            Ok(description) if description.options().next().is_some() => {
                faults.add(format!("options are hidden with their type; write the type alone: {name}"));
            }
            Ok(description) => types.push(description.attribute_type().clone()),
            Err(error) => faults.add(format!("{error}; name one attribute: {name}")),
        });
    }
    // Entries come with names, not object identifiers: hiding one without the other would hide nothing.
    let lacks_name = types.iter().find(|hidden| is_numeric(hidden));
    if let Some(oid) = lacks_name.filter(|_| types.iter().all(has_known_oid)) {
        faults.add(format!("no name is known for an object identifier; list the attribute's name too: {oid}"));
    }
    types
}

fn hidden(spec: &RedactRuleSpec, faults: &mut Faults) -> Vec<Dn> {
    let mut hidden = Vec::new();
    for (place, text) in spec.hide.as_ref().map(OneOrMany::as_slice).unwrap_or_default().iter().enumerate() {
        faults.within(format_args!("[{place}]"), |faults| match Dn::parse(text) {
            Ok(dn) if dn.is_root() => faults.add("the empty DN would hide every entry; name a subtree"),
            Ok(dn) => hidden.push(dn),
            Err(error) => faults.add(format!("not a DN: {error}: {text}")),
        });
    }
    hidden
}
