//! What hiding costs per entry, per request and per client: the walk over attributes of which few or none are hidden.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ostiary_ldap::message::{FilterLimits, Request, ResponseHead};
use ostiary_ldap::write;
use ostiary_policy::redact::{Redact, RedactSpec};
use ostiary_policy::{Asked, ClientFacts, Faults, Outcome, Who};

const NAMES: [&str; 20] = [
    "objectClass",
    "cn",
    "sn",
    "givenName",
    "displayName",
    "uid",
    "mail",
    "telephoneNumber",
    "mobile",
    "title",
    "departmentNumber",
    "employeeNumber",
    "employeeType",
    "description",
    "postalAddress",
    "uidNumber",
    "gidNumber",
    "homeDirectory",
    "userPassword",
    "memberOf;range=0-1499",
];

fn compile(attributes: &[&str], hide: &[&str]) -> Redact {
    let rule = serde_json::json!({ "name": "r", "attributes": attributes, "hide": hide });
    let spec: RedactSpec = serde_json::from_value(serde_json::json!({ "rules": [rule] })).unwrap_or_default();
    Redact::compile(&spec, &mut Faults::default()).unwrap()
}

fn measure(criterion: &mut Criterion) {
    let client =
        ClientFacts { address: "10.0.0.1".parse().ok(), listener: "ldaps".into(), tls: true, certificate: None };
    let passwords =
        ["userPassword", "unicodePwd", "pwdHistory", "sambaNTPassword", "sambaLMPassword", "krbPrincipalKey"];
    let many: Vec<String> = (0..200).map(|number| format!("x-attribute-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut entry = Vec::new();
    let attributes = NAMES.iter().map(|name| (name.as_bytes(), [&b"some value"[..], b"another"]));
    write::search_entry(&mut entry, 7, b"uid=alice,ou=people,dc=corp,dc=example", attributes, &[]);
    let head = ResponseHead::peek(&entry).unwrap().unwrap();
    for (name, redact) in [
        ("one_of_20_cut", compile(&passwords, &[])),
        ("none_of_20_cut", compile(&passwords[1..], &[])),
        ("none_of_20_cut_by_200", compile(&many, &[])),
        ("hide_alone", compile(&[], &["ou=hr,dc=corp,dc=example"])),
    ] {
        let view = redact.view(&client, &Who::Anonymous).unwrap();
        let mut out = Vec::new();
        criterion.bench_function(&format!("entry/{name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                view.response(&head, black_box(&entry), &mut out)
            });
        });
        criterion.bench_function(&format!("view/{name}"), |bencher| {
            bencher.iter(|| redact.view(black_box(&client), &Who::Anonymous));
        });
        let mut compare = Vec::new();
        write::compare_request(&mut compare, 7, b"uid=alice,ou=people,dc=corp,dc=example", b"mail", b"x");
        let request = Request::parse(&compare, &FilterLimits::default()).unwrap();
        criterion.bench_function(&format!("judge_compare/{name}"), |bencher| {
            bencher.iter(|| redact.judge(&client, &Who::Anonymous, &Asked::new(&request), &mut Outcome::default()));
        });
    }
}

criterion_group!(benches, measure);
criterion_main!(benches);
