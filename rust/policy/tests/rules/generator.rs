//! Requests and rules by chance: numbers for the model, and one of their spellings for the real ones.

use std::sync::Arc;

use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{ChangeKind, Scope};
use ostiary_policy::{Certificate, ClientFacts};
use serde_json::{Map, Value, json};

use crate::model::{Ask, Attr, Client, Control, Filter, Identity, List, Place, Rule, Selectors, UNREADABLE_VALUE, Who};
use crate::stage;

/// Attributes and their spellings; the first is operational.
const ATTRS: [&[&str]; 7] = [
    &["createTimestamp", "CREATETIMESTAMP", "2.5.18.1"],
    &["cn", "CN", "commonName", "2.5.4.3", "oid.2.5.4.3"],
    &["uid", "Uid", "userid", "0.9.2342.19200300.100.1.1", "OID.0.9.2342.19200300.100.1.1"],
    &["mail", "rfc822Mailbox", "0.9.2342.19200300.100.1.3"],
    &["userPassword", "userpassword", "2.5.4.35"],
    &["dc", "DomainComponent", "0.9.2342.19200300.100.1.25"],
    &["ou", "OU", "organizationalUnitName", "2.5.4.11"],
];
const OPTIONS: [&str; 2] = ["lang-de", "x-b"];
/// RDNs: an attribute and a value.
const RDNS: [(u8, &str); 7] =
    [(5, "example"), (5, "corp"), (6, "people"), (6, "apps"), (2, "alice"), (2, "bob"), (1, "wiki")];
const PATHS: [&[u8]; 9] =
    [&[], &[0], &[0, 1], &[0, 1, 2], &[0, 1, 2, 4], &[0, 1, 3], &[0, 1, 3, 6], &[0, 1, 2, 5], &[0, 2]];
const VALUES: [&str; 3] = ["alice", "bob", "a person"];
const NETWORKS: [&str; 3] = ["10.0.0.0/8", "10.20.0.0/16", "fd00::/8"];
const OPERATIONS: [&str; 8] = ["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"];
const EXTENDED: [&str; 3] = ["1.3.6.1.4.1.4203.1.11.1", "1.3.6.1.4.1.4203.1.11.3", "1.2.3.9"];
const CONTROLS: [&str; 4] = ["sort", "pre_read", "assertion", "1.2.3.4"];

/// Chance that can be repeated.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        &table[self.roll(table.len())]
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.roll(most)).map(|_| make(self)).collect()
    }

    fn often<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(10) < 3).then(|| make(self))
    }

    fn path(&mut self) -> Vec<u8> {
        self.of(&PATHS).to_vec()
    }

    fn place(&mut self) -> Place {
        (!self.one_in(12)).then(|| self.path())
    }

    fn attr(&mut self) -> Attr {
        let option = self.one_in(5).then(|| u8::try_from(self.roll(2)).unwrap());
        Attr(u8::try_from(self.roll(5)).unwrap(), option)
    }

    fn value(&mut self) -> u8 {
        if self.one_in(10) { UNREADABLE_VALUE } else { u8::try_from(self.roll(VALUES.len())).unwrap() }
    }

    fn filter(&mut self, depth: usize, shape: bool) -> Filter {
        let attr = Attr(1 + u8::try_from(self.roll(2)).unwrap(), None);
        let value = if shape {
            (!self.one_in(2)).then(|| u8::try_from(self.roll(VALUES.len())).unwrap())
        } else {
            Some(self.value())
        };
        match self.roll(if depth == 0 { 5 } else { 9 }) {
            0 | 1 => Filter::Equality(attr, value),
            2 => Filter::Initial(attr, value),
            3 => Filter::GreaterOrEqual(attr, value),
            4 if !shape && self.one_in(3) => {
                if self.one_in(2) {
                    Filter::Anything
                } else {
                    Filter::Unreadable
                }
            }
            4 => Filter::Present(attr),
            5 => Filter::Not(Box::new(self.filter(depth - 1, shape))),
            6 => Filter::Or(self.some(2, |dice| dice.filter(depth - 1, shape))),
            _ => Filter::And(self.some(2, |dice| dice.filter(depth - 1, shape))),
        }
    }

    /// A filter of this shape, nearly always: values filled in, branches turned round.
    fn filled(&mut self, shape: &Filter) -> Filter {
        let value = |dice: &mut Self, constant: &Option<u8>| Some(constant.unwrap_or_else(|| dice.value()));
        match shape {
            Filter::And(members) => Filter::And(self.turned(members)),
            Filter::Or(members) => Filter::Or(self.turned(members)),
            Filter::Not(member) => Filter::Not(Box::new(self.filled(member))),
            Filter::Equality(attr, constant) => Filter::Equality(*attr, value(self, constant)),
            Filter::Initial(attr, constant) => Filter::Initial(*attr, value(self, constant)),
            Filter::GreaterOrEqual(attr, constant) => Filter::GreaterOrEqual(*attr, value(self, constant)),
            other => other.clone(),
        }
    }

    fn turned(&mut self, members: &[Filter]) -> Vec<Filter> {
        let mut filled: Vec<Filter> = members.iter().map(|member| self.filled(member)).collect();
        let places = filled.len();
        filled.rotate_left(self.roll(places));
        filled
    }

    fn selectors(&mut self, list: bool) -> Selectors {
        let mut selectors =
            Selectors { star: self.one_in(4), plus: self.one_in(6), named: Vec::new(), odd: !list && self.one_in(12) };
        if list || !self.one_in(4) {
            selectors.named = self.some(2, Self::attr);
        }
        selectors
    }

    fn who(&mut self) -> Who {
        match self.roll(8) {
            0 => Who::Anonymous,
            1 => Who::Upn(u8::try_from(self.roll(2)).unwrap(), u8::try_from(self.roll(2)).unwrap()),
            2 => Who::Unnamed,
            3 => Who::Unreadable,
            _ => Who::Dn(self.of(&PATHS[1..]).to_vec()),
        }
    }

    fn identity(&mut self) -> Identity {
        match self.roll(8) {
            0 => Identity::Any,
            1 => Identity::Authenticated,
            2 => Identity::Anonymous,
            3 => Identity::Domain(u8::try_from(self.roll(2)).unwrap()),
            4 | 5 => Identity::Within(self.of(&PATHS[1..]).to_vec()),
            _ => loop {
                let who = self.who();
                if matches!(who, Who::Dn(_) | Who::Upn(..)) {
                    return Identity::Exact(who);
                }
            },
        }
    }

    pub fn list(&mut self) -> List {
        List { rules: self.some(11, Self::rule), allow: self.one_in(4) }
    }

    fn rule(&mut self) -> Rule {
        let deny = self.one_in(4);
        let filter = self.often(|dice| dice.some(1, |dice| dice.filter(2, true)));
        Rule {
            deny,
            monitor: self.one_in(8),
            from: self.often(|dice| dice.some(1, |dice| dice.roll(3))),
            tls: self.one_in(6).then(|| self.one_in(2)),
            certificate: self.one_in(8).then(|| self.some(1, |dice| dice.of(&PATHS[1..]).to_vec())),
            identity: self.often(|dice| dice.some(2, Self::identity)),
            operations: self.often(|dice| dice.some(3, |dice| *dice.of(&OPERATIONS))),
            mechanisms: self.one_in(6).then(|| self.some(1, |dice| *dice.of(&["simple", "gssapi"]))),
            base: self.often(|dice| {
                let within = dice.some(1, |dice| dice.of(&PATHS[1..]).to_vec());
                (dice.one_in(3), within)
            }),
            scope: self.often(|dice| dice.some(2, |dice| u8::try_from(dice.roll(4)).unwrap())),
            filter_attributes: if filter.is_none() { self.often(|dice| dice.some(2, Self::attr)) } else { None },
            filter,
            attributes: self.often(|dice| dice.selectors(true)),
            narrow: !deny && self.one_in(4),
            controls: self.often(|dice| dice.some(2, |dice| *dice.of(&CONTROLS))),
            extended: self.often(|dice| dice.some(1, |dice| u8::try_from(dice.roll(3)).unwrap())),
            changes: self.one_in(5).then(|| self.some(1, |dice| u8::try_from(dice.roll(4)).unwrap())),
            size_limit: (!deny && self.one_in(5)).then(|| 1 + u32::try_from(self.roll(9)).unwrap()),
        }
    }

    pub fn client(&mut self) -> (Client, ClientFacts) {
        let (address, networks) =
            *self.of(&[("10.20.0.5", &[0, 1][..]), ("10.30.0.1", &[0]), ("fd00::5", &[2]), ("unix", &[])]);
        let tls = !self.one_in(4);
        // Without TLS nobody proves a certificate.
        let certificate = (tls && self.one_in(3)).then(|| self.place());
        let facts = certificate.clone().map(|subject| {
            let subject = subject.map(|path| Dn::parse(&self.dn(&path)).unwrap());
            Arc::new(Certificate { subject, names: Vec::new() })
        });
        let client = Client { networks: networks.to_vec(), tls, certificate };
        (client, ClientFacts { tls, certificate: facts, ..stage::from(address) })
    }

    pub fn proved(&mut self) -> (Who, ostiary_policy::Who) {
        let who = self.who();
        let real = match &who {
            Who::Unnamed => ostiary_policy::Who::Unnamed,
            other => stage::who(&self.name(other)),
        };
        (who, real)
    }

    pub fn ask(&mut self, list: &List) -> (Ask, Vec<Control>) {
        let controls = if self.one_in(2) { Vec::new() } else { self.some(1, Self::control) };
        let ask = match self.roll(16) {
            0 => Ask::Bind("simple", Who::Anonymous),
            1 => Ask::Bind("gssapi", Who::Unnamed),
            2 | 3 => loop {
                let who = self.who();
                if who != Who::Unnamed && who != Who::Anonymous {
                    break Ask::Bind("simple", who);
                }
            },
            4 => return (Ask::Compare(self.place(), self.attr()), Vec::new()),
            5 => {
                let entry = (!self.one_in(12)).then(|| self.of(&PATHS[1..]).to_vec());
                let mut attrs = self.some(2, Self::attr);
                attrs.extend(naming(&entry));
                return (Ask::Add(entry, attrs), Vec::new());
            }
            6 | 7 => {
                let changes = self.some(2, |dice| (u8::try_from(dice.roll(4)).unwrap(), dice.attr()));
                Ask::Modify(self.place(), changes)
            }
            8 => Ask::Delete(self.place()),
            9 => return (self.renaming(), Vec::new()),
            10 => {
                let target = self.one_in(2).then(|| (!self.one_in(6)).then(|| self.of(&PATHS[1..]).to_vec()));
                let number = u8::try_from(self.roll(3)).unwrap();
                return (Ask::Extended(number, target.filter(|_| number == 0)), Vec::new());
            }
            _ => {
                let shapes: Vec<Filter> = list.rules.iter().filter_map(|rule| rule.filter.clone()).flatten().collect();
                let filter = if shapes.is_empty() || self.one_in(3) {
                    self.filter(2, false)
                } else {
                    let shape = self.of(&shapes).clone();
                    self.filled(&shape)
                };
                let scope = u8::try_from(self.roll(4)).unwrap();
                Ask::Search { base: self.place(), scope, filter, selectors: self.selectors(false) }
            }
        };
        (ask, controls)
    }

    fn renaming(&mut self) -> Ask {
        let entry = self.of(&PATHS[1..]).to_vec();
        let rdn = u8::try_from(self.roll(RDNS.len())).unwrap();
        let mut to = if self.one_in(2) { self.path() } else { entry[..entry.len() - 1].to_vec() };
        to.push(rdn);
        let mut attrs = vec![Attr(RDNS[usize::from(rdn)].0, None)];
        if self.one_in(2) {
            attrs.extend(naming(&Some(entry.clone())));
        }
        Ask::ModifyDn(Some(entry), Some(to), attrs)
    }

    fn control(&mut self) -> Control {
        match self.roll(6) {
            0 | 1 => Control::Harmless,
            2 => Control::Unknown,
            3 => Control::Sort((!self.one_in(6)).then(|| self.some(1, Self::attr))),
            4 => Control::PreRead(self.selectors(false)),
            _ => Control::Assertion(self.filter(1, false)),
        }
    }
}

fn naming(entry: &Place) -> Option<Attr> {
    Some(Attr(RDNS[usize::from(*entry.as_ref()?.last()?)].0, None))
}

/// Spellings.
impl Dice {
    fn attribute(&mut self, attr: Attr) -> String {
        let name = *self.of(ATTRS[usize::from(attr.0)]);
        match attr.1.map(|option| OPTIONS[usize::from(option)]) {
            Some(option) if self.one_in(2) => format!("{name};{}", option.to_uppercase()),
            Some(option) => format!("{name};{option};{option}"),
            None => name.to_owned(),
        }
    }

    fn text(&mut self, value: &str) -> String {
        match self.roll(3) {
            0 => value.to_owned(),
            1 => value.to_uppercase(),
            _ => format!(" {} ", value.replace(' ', "   ")),
        }
    }

    fn rdn(&mut self, number: u8) -> String {
        let (attr, value) = RDNS[usize::from(number)];
        let name = self.attribute(Attr(attr, None));
        let hex = value.bytes().fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
        match self.roll(6) {
            0 => format!("{name}={value}"),
            1 => format!(" {name} = {} ", value.to_uppercase()),
            2 => format!("{name}=#0c{:02x}{hex}", value.len()),
            3 => format!("{name}=\\{}{}", &hex[..2], &value[1..]),
            4 => format!("{name}=\"{value}\""),
            _ => format!("{name}=#04{:02X}{}", value.len(), hex.to_uppercase()),
        }
    }

    fn dn(&mut self, path: &[u8]) -> String {
        let mut text = String::new();
        for number in path.iter().rev() {
            if !text.is_empty() {
                text.push(if self.one_in(4) { ';' } else { ',' });
            }
            text.push_str(&self.rdn(*number));
        }
        text
    }

    fn target(&mut self, place: &Place) -> String {
        match place {
            Some(path) => self.dn(path),
            None => {
                (*self.of(&["<GUID=3f>", "cn=a\u{200b},dc=example", "dc", "cn=#ff", "dc=example,,dc=x"])).to_owned()
            }
        }
    }

    fn name(&mut self, who: &Who) -> String {
        match who {
            Who::Anonymous | Who::Unnamed => String::new(),
            Who::Dn(path) => self.dn(path),
            Who::Upn(user, domain) => {
                let name = format!("{}@{}.example", VALUES[usize::from(*user)], ["corp", "lab"][usize::from(*domain)]);
                if self.one_in(2) { name.to_uppercase() } else { name }
            }
            Who::Unreadable => (*self.of(&["alice", "<SID=S-1-5>", "cn=a\u{ad},dc=x"])).to_owned(),
        }
    }

    fn value_octets(&mut self, value: Option<u8>) -> Vec<u8> {
        match value.unwrap() {
            UNREADABLE_VALUE => self.of(&[&b"a\xe2\x80\x8b"[..], b"\xff", b"\x00"]).to_vec(),
            value => self.text(VALUES[usize::from(value)]).into_bytes(),
        }
    }

    fn filter_octets(&mut self, filter: &Filter) -> Vec<u8> {
        let members = |dice: &mut Self, members: &[Filter]| -> Vec<Vec<u8>> {
            members.iter().map(|member| dice.filter_octets(member)).collect()
        };
        match filter {
            Filter::And(inner) => stage::set(0xa0, &members(self, inner)),
            Filter::Or(inner) => stage::set(0xa1, &members(self, inner)),
            Filter::Not(inner) => stage::set(0xa2, &[self.filter_octets(inner)]),
            Filter::Equality(attr, value) => stage::equality(&self.attribute(*attr), &self.value_octets(*value)),
            Filter::Initial(attr, value) => stage::initial(&self.attribute(*attr), &self.value_octets(*value)),
            Filter::GreaterOrEqual(attr, value) => {
                stage::assertion(0xa5, &self.attribute(*attr), &self.value_octets(*value))
            }
            Filter::Present(attr) => stage::present(&self.attribute(*attr)),
            Filter::Anything => stage::extensible(Some("caseIgnoreMatch"), None, b"alice"),
            Filter::Unreadable => stage::equality("c n", b"alice"),
        }
    }

    fn shape(&mut self, shape: &Filter) -> String {
        let value = |dice: &mut Self, constant: &Option<u8>| match constant {
            None => "?".to_owned(),
            Some(number) => dice.text(VALUES[usize::from(*number)]),
        };
        let members = |dice: &mut Self, members: &[Filter]| -> String {
            members.iter().map(|member| dice.shape(member)).collect()
        };
        match shape {
            Filter::And(inner) => format!("(&{})", members(self, inner)),
            Filter::Or(inner) => format!("(|{})", members(self, inner)),
            Filter::Not(inner) => format!("(!{})", self.shape(inner)),
            Filter::Equality(attr, constant) => format!("({}={})", self.attribute(*attr), value(self, constant)),
            Filter::Initial(attr, constant) => format!("({}={}*)", self.attribute(*attr), value(self, constant)),
            Filter::GreaterOrEqual(attr, constant) => format!("({}>={})", self.attribute(*attr), value(self, constant)),
            Filter::Present(attr) => format!("({}=*)", self.attribute(*attr)),
            Filter::Anything | Filter::Unreadable => unreachable!("no shape has these"),
        }
    }

    fn selected(&mut self, selectors: &Selectors) -> Vec<String> {
        let mut texts: Vec<String> = selectors.named.iter().map(|attr| self.attribute(*attr)).collect();
        texts.extend(selectors.plus.then(|| "+".to_owned()));
        texts.extend(selectors.odd.then(|| "@person".to_owned()));
        if selectors.star && (!texts.is_empty() || self.one_in(2)) {
            texts.push("*".to_owned());
        } else if texts.is_empty() && !selectors.star {
            texts.push("1.1".to_owned());
        }
        texts
    }

    fn control_octets(&mut self, control: &Control) -> (&'static str, Option<Vec<u8>>) {
        match control {
            Control::Harmless => ("1.2.840.113556.1.4.319", Some(b"\x30\x05\x02\x01\x05\x04\x00".to_vec())),
            Control::Unknown => ("1.2.3.4", None),
            Control::Sort(None) => ("1.2.840.113556.1.4.473", Some(b"\x30\x01".to_vec())),
            Control::Sort(Some(keys)) => {
                let keys: Vec<String> = keys.iter().map(|attr| self.attribute(*attr)).collect();
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                ("1.2.840.113556.1.4.473", stage::sort_by(&keys))
            }
            Control::PreRead(selectors) => {
                let texts = self.selected(selectors);
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                ("1.3.6.1.1.13.1", stage::selection(&texts))
            }
            Control::Assertion(filter) => ("1.3.6.1.1.12", Some(self.filter_octets(filter))),
        }
    }

    pub fn message(&mut self, ask: &Ask, controls: &[Control]) -> Vec<u8> {
        let with: Vec<_> = controls.iter().map(|control| self.control_octets(control)).collect();
        match ask {
            Ask::Bind("gssapi", _) => stage::sasl("GSSAPI"),
            Ask::Bind(_, Who::Anonymous) => stage::bind("", b""),
            Ask::Bind(_, who) => stage::bind(&self.name(who), b"hunter2"),
            Ask::Search { base, scope, filter, selectors } => {
                let base = self.target(base);
                let texts = self.selected(selectors);
                let search = stage::Search {
                    base: base.as_bytes(),
                    scope: SCOPES[usize::from(*scope)],
                    filter: self.filter_octets(filter),
                    attributes: texts.iter().map(String::as_bytes).collect(),
                    controls: with,
                };
                search.message()
            }
            Ask::Compare(place, attr) => stage::compare(&self.target(place), &self.attribute(*attr)),
            Ask::Add(place, attrs) => {
                let texts: Vec<String> = attrs.iter().map(|attr| self.attribute(*attr)).collect();
                // The attribute of the name counts, whether it is sent or not.
                let sent = if place.is_some() && self.one_in(2) { texts.len() - 1 } else { texts.len() };
                stage::add(&self.target(place), &texts[..sent].iter().map(String::as_str).collect::<Vec<_>>())
            }
            Ask::Modify(place, changes) => {
                let texts: Vec<(ChangeKind, String)> =
                    changes.iter().map(|(kind, attr)| (CHANGES[usize::from(*kind)], self.attribute(*attr))).collect();
                let changes: Vec<(ChangeKind, &str)> =
                    texts.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
                stage::modify(&self.target(place), &changes, &with)
            }
            Ask::Delete(place) => stage::delete(&self.target(place), &with),
            Ask::ModifyDn(from, to, attrs) => {
                let (from, to) = (from.as_ref().unwrap(), to.as_ref().unwrap());
                let (rdn, parent) = to.split_last().unwrap();
                let stays = from[..from.len() - 1] == *parent && self.one_in(2);
                let superior = self.dn(parent);
                let rdn = self.rdn(*rdn);
                stage::modify_dn(&self.dn(from), &rdn, attrs.len() > 1, (!stays).then_some(superior.as_str()))
            }
            Ask::Extended(0, target) => {
                let whose = target.as_ref().map(|place| self.target(place));
                stage::password_modify(whose.as_deref())
            }
            Ask::Extended(number, _) => stage::extended(EXTENDED[usize::from(*number)], None),
        }
    }

    pub fn spec(&mut self, list: &List) -> Value {
        let rules: Vec<Value> =
            list.rules.iter().enumerate().map(|(number, rule)| self.rule_spec(number, rule)).collect();
        json!({ "default": if list.allow { "allow" } else { "deny" }, "rules": rules })
    }

    fn rule_spec(&mut self, number: usize, rule: &Rule) -> Value {
        let mut spec = Map::new();
        spec.insert("name".into(), json!(format!("r{number}")));
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                spec.insert(key.into(), value);
            }
        };
        put("effect", rule.deny.then(|| json!("deny")));
        put("mode", rule.monitor.then(|| json!("monitor")));
        put("tls", rule.tls.map(Value::from));
        put("narrow", rule.narrow.then_some(Value::Bool(true)));
        put("size_limit", rule.size_limit.map(Value::from));
        put("operations", rule.operations.as_ref().map(|listed| json!(listed)));
        put("mechanisms", rule.mechanisms.as_ref().map(|listed| json!(listed)));
        put("controls", rule.controls.as_ref().map(|listed| json!(listed)));
        put("from", rule.from.as_ref().map(|listed| listed.iter().map(|number| NETWORKS[*number]).collect()));
        put(
            "extended",
            rule.extended.as_ref().map(|listed| listed.iter().map(|n| EXTENDED[usize::from(*n)]).collect()),
        );
        let scopes = ["base", "one", "sub", "children"];
        put("scope", rule.scope.as_ref().map(|listed| listed.iter().map(|n| scopes[usize::from(*n)]).collect()));
        let changes = ["add", "delete", "replace", "increment"];
        put("changes", rule.changes.as_ref().map(|listed| listed.iter().map(|n| changes[usize::from(*n)]).collect()));
        put(
            "certificate",
            rule.certificate
                .as_ref()
                .map(|listed| listed.iter().map(|path| json!({ "subject": self.dn(path) })).collect()),
        );
        put(
            "identity",
            rule.identity.as_ref().map(|listed| listed.iter().map(|identity| self.identity_spec(identity)).collect()),
        );
        put(
            "base",
            rule.base.as_ref().map(|(root_dse, within)| {
                let mut bases: Vec<String> = within.iter().map(|path| self.dn(path)).collect();
                bases.extend(root_dse.then(|| "rootDSE".to_owned()));
                json!(bases)
            }),
        );
        put("filter", rule.filter.as_ref().map(|shapes| shapes.iter().map(|shape| self.shape(shape)).collect()));
        put(
            "filter_attributes",
            rule.filter_attributes.as_ref().map(|listed| listed.iter().map(|attr| self.attribute(*attr)).collect()),
        );
        put(
            "attributes",
            rule.attributes.as_ref().map(|listed| {
                let mut texts: Vec<String> = listed.named.iter().map(|attr| self.attribute(*attr)).collect();
                texts.extend(listed.star.then(|| "*".to_owned()));
                texts.extend(listed.plus.then(|| "+".to_owned()));
                json!(texts)
            }),
        );
        Value::Object(spec)
    }

    fn identity_spec(&mut self, identity: &Identity) -> Value {
        match identity {
            Identity::Any => json!("any"),
            Identity::Authenticated => json!("authenticated"),
            Identity::Anonymous => json!("anonymous"),
            Identity::Exact(who) => json!(self.name(who)),
            Identity::Within(path) => json!({ "within": self.dn(path) }),
            Identity::Domain(0) => json!({ "upn_domain": "Corp.example" }),
            Identity::Domain(_) => json!({ "upn_domain": "lab.EXAMPLE" }),
        }
    }
}

const SCOPES: [Scope; 4] = [Scope::BaseObject, Scope::SingleLevel, Scope::WholeSubtree, Scope::SubordinateSubtree];
const CHANGES: [ChangeKind; 4] = [ChangeKind::Add, ChangeKind::Delete, ChangeKind::Replace, ChangeKind::Increment];
