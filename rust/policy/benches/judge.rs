//! What a decision costs under an allow-list of 300 rules, with and without the normalisation that all stages share.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{DerefAliases, FilterLimits, Request, Scope};
use ostiary_ldap::write;
use ostiary_policy::{AllowList, AllowListSpec, Asked, ClientFacts, Faults, Outcome, Who};
use serde_json::{Value, json};

fn compile(rules: impl Iterator<Item = Value>) -> AllowList {
    let spec: AllowListSpec = serde_json::from_value(json!({ "rules": rules.collect::<Vec<_>>() })).unwrap();
    let mut faults = Faults::default();
    AllowList::compile(&spec, &mut faults).unwrap_or_else(|| panic!("{:?}", faults.into_vec()))
}

/// 100 applications with three rules each: login, groups, and the root DSE.
fn applications() -> AllowList {
    let rules = (0..100).flat_map(|number| {
        let from = format!("10.{number}.0.0/16");
        let identity = format!("cn=app{number},ou=services,dc=corp,dc=example");
        [
            json!({
                "name": format!("login-{number}"), "from": from, "identity": identity, "operations": ["bind", "search"],
                "base": format!("ou=people,ou=site{number},dc=corp,dc=example"), "scope": ["one", "sub"],
                "filter": "(&(objectClass=person)(uid=?))", "attributes": ["uid", "cn", "mail"],
            }),
            json!({
                "name": format!("groups-{number}"), "from": from, "identity": identity, "operations": ["search"],
                "base": format!("ou=groups,ou=site{number},dc=corp,dc=example"),
                "filter_attributes": ["member", "cn", "objectClass"], "attributes": ["cn", "member"],
            }),
            json!({ "name": format!("root-{number}"), "from": from, "operations": ["search"], "base": "rootDSE" }),
        ]
    });
    compile(rules)
}

/// 300 rules that all may be about everybody, told apart by base, filter and attributes alone.
fn everybody() -> AllowList {
    let rules = (0..300).map(|number| {
        json!({
            "name": format!("rule-{number}"), "operations": ["bind", "search"],
            "base": if number % 2 == 0 { "dc=corp,dc=example".to_owned() } else { format!("ou=site{number},dc=corp,dc=example") },
            "filter": if number == 298 { "(&(objectClass=person)(uid=?))".to_owned() } else { format!("(&(objectClass=person)(x-{number}=?))") },
            "attributes": ["uid", "cn", "mail"],
        })
    });
    compile(rules)
}

fn search() -> Vec<u8> {
    let filter = Filter::parse("(&(uid=alice)(objectClass=person))", &FilterLimits::default()).unwrap().to_ber();
    let search = write::NewSearch {
        base_object: b"ou=people,ou=site42,dc=corp,dc=example",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: &filter,
        attributes: &[b"uid", b"cn", b"mail"],
    };
    let mut out = Vec::new();
    write::search_request(&mut out, 7, &search, &[]);
    out
}

fn judging(criterion: &mut Criterion) {
    let client = ClientFacts {
        address: Some("10.42.0.7".parse().unwrap()),
        listener: Arc::from("ldaps"),
        tls: true,
        certificate: None,
    };
    let who = Who::from_name(b"cn=app42,ou=services,dc=corp,dc=example");
    let mut bind = Vec::new();
    write::bind_request(&mut bind, 7, b"CN=app42,OU=services,DC=corp,DC=example", b"password", &[]);
    let messages = [("search", search()), ("bind", bind)];
    for (kind, list) in [("applications", applications()), ("everybody", everybody())] {
        let candidates = list.candidates(&client, &who);
        criterion.bench_function(&format!("candidates/{kind}"), |bencher| {
            bencher.iter(|| list.candidates(black_box(&client), black_box(&who)));
        });
        for (operation, message) in &messages {
            let request = Request::parse(message, &FilterLimits::default()).unwrap();
            criterion.bench_function(&format!("judge/{kind}/{operation}"), |bencher| {
                bencher.iter_batched_ref(
                    || (Asked::new(&request), Outcome::default()),
                    |(asked, outcome)| list.judge(&candidates, &client, &who, asked, outcome),
                    BatchSize::SmallInput,
                );
            });
            let asked = Asked::new(&request);
            criterion.bench_function(&format!("judge/{kind}/{operation}/normalised"), |bencher| {
                bencher.iter(|| list.judge(&candidates, &client, &who, black_box(&asked), &mut Outcome::default()));
            });
        }
    }
    let message = search();
    let request = Request::parse(&message, &FilterLimits::default()).unwrap();
    criterion.bench_function("normalise/search", |bencher| {
        bencher.iter(|| {
            let asked = Asked::new(black_box(&request));
            (asked.target().is_ok(), asked.filter().is_ok(), asked.selectors().is_some())
        });
    });
}

criterion_group!(benches, judging);
criterion_main!(benches);
