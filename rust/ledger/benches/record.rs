//! What a record costs: of a request when it comes, and when it has ended.

use std::cell::Cell;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{DerefAliases, FilterLimits, Request, Scope};
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_ledger::Top;
use ostiary_ledger::audit::{Audit, AuditSpec, ClientFields, End, Format, SamplingSpec, SyslogSpec};

fn audit(format: Format, filter_values: bool, syslog: bool) -> Audit {
    let syslog = syslog.then(|| SyslogSpec { facility: 10, hostname: "gateway".into(), framed: true });
    let sampling = SamplingSpec::default();
    let spec =
        AuditSpec { format, filter_values, secret_attributes: Vec::new(), sampling, buffer_bytes: 4 << 20, syslog };
    Audit::compile(&spec).expect("a sound audit")
}

fn search(whom: &str) -> Vec<u8> {
    let filter = format!("(&(objectClass=person)(uid={whom}))");
    let filter = Filter::parse(&filter, &FilterLimits::default()).expect("a filter");
    let mut message = Vec::new();
    let search = write::NewSearch {
        base_object: b"ou=people,dc=corp,dc=example",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: &filter.to_ber(),
        attributes: &[b"uid", b"cn", b"mail"],
    };
    write::search_request(&mut message, 7, &search, &[]);
    message
}

const CLIENT: ClientFields<'static> = ClientFields {
    connection: 123_456,
    address: Some(IpAddr::V4(Ipv4Addr::new(10, 20, 30, 40))),
    port: 40_000,
    listener: "ldaps",
    upstream: "directory",
    tls_version: Some("1.3"),
    tls_cipher: Some("TLS13_AES_128_GCM_SHA256"),
    certificate: None,
    identity: Some("cn=wiki,ou=services,dc=corp,dc=example"),
};

fn records(criterion: &mut Criterion) {
    let (message, other) = (search("alice"), search("bob"));
    let request = Request::parse(&message, &FilterLimits::default()).expect("a request");
    let end = End {
        message_id: 7,
        code: Some(ResultCode::SUCCESS),
        entries: 1,
        bytes: 234,
        seconds: 0.000_345,
        server: Some("dc1.corp.example:389"),
        ..End::default()
    };
    for (name, format, values, syslog) in [
        ("json", Format::Json, false, false),
        ("json/values", Format::Json, true, false),
        ("json/syslog", Format::Json, false, true),
        ("ecs", Format::Ecs, false, false),
        ("cef", Format::Cef, false, false),
    ] {
        let mut audit = audit(format, values, syslog);
        let client = audit.client(&CLIENT);
        criterion.bench_function(&format!("request/{name}"), |bencher| {
            bencher.iter(|| audit.request(black_box(&request)));
        });
        let part = audit.request(&request);
        let mut now = 1_770_091_506.0;
        let mut count = 0_u32;
        let mut bench = |what: &str, finish: &dyn Fn(&mut Audit, f64)| {
            criterion.bench_function(&format!("{what}/{name}"), |bencher| {
                bencher.iter(|| {
                    finish(&mut audit, black_box(now));
                    now += 0.000_1;
                    count += 1;
                    // As often as a busy gateway's batches are taken away.
                    if count.is_multiple_of(1_000) {
                        black_box(audit.drain());
                    }
                });
            });
        };
        bench("finished", &|audit, now| audit.finished(now, &client, &part, &end));
        bench("finished_search", &|audit, now| audit.finished_search(now, &client, &message, &end));
        let is_other = Cell::new(false);
        bench("finished_search/in_turn", &|audit, now| {
            let message = if is_other.replace(!is_other.get()) { &other } else { &message };
            audit.finished_search(now, &client, message, &end);
        });
        assert_eq!(audit.take_lost(), 0);
    }
}

fn tops(criterion: &mut Criterion) {
    let mut top = Top::new();
    let place = top.take("10.20.30.40");
    criterion.bench_function("top/bump", |bencher| bencher.iter(|| top.bump(black_box(place))));
    let names: Vec<_> = (0..10_000).map(|number| format!("cn=user {number},dc=example")).collect();
    let mut next = names.iter().cycle();
    criterion.bench_function("top/take_from_another", |bencher| {
        bencher.iter_batched(|| next.next(), |name| top.take(name.map_or("", String::as_str)), BatchSize::SmallInput);
    });
}

criterion_group!(benches, records, tops);
criterion_main!(benches);
