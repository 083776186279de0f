//! What reading one message costs: the work that the gateway does for every request and every response.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{DerefAliases, ResponseOp};
use ostiary_ldap::message::{FilterLimits, Request, ResponseHead, Scope};
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;

/// `(&(objectClass=person)(uid=alice))`
const FILTER: &[u8] = b"\xa0\x28\xa3\x15\x04\x0bobjectClass\x04\x06person\xa3\x0f\x04\x03uid\x04\x08alice.ab";

fn search(out: &mut Vec<u8>) {
    let search = write::NewSearch {
        base_object: b"ou=people,dc=corp,dc=example",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: FILTER,
        attributes: &[b"uid", b"cn", b"mail"],
    };
    write::search_request(out, 7, &search, &[]);
}

fn messages(criterion: &mut Criterion) {
    let limits = FilterLimits::default();
    let mut requests: [(&str, Vec<u8>); 3] = Default::default();
    requests[0].0 = "search";
    search(&mut requests[0].1);
    requests[1].0 = "bind";
    write::bind_request(&mut requests[1].1, 7, b"cn=alice,dc=example", b"secret", &[]);
    requests[2].0 = "unbind";
    write::unbind_request(&mut requests[2].1, 7);
    for (name, message) in &requests {
        criterion.bench_function(&format!("request/{name}"), |bencher| {
            bencher.iter(|| Request::parse(black_box(message), &limits).is_ok());
        });
    }

    let mut entry = Vec::new();
    let values: [(&[u8], [&[u8]; 1]); 2] = [(b"cn", [b"Alice"]), (b"mail", [&[b'x'; 200]])];
    write::search_entry(&mut entry, 300, b"cn=alice,dc=example", values, &[]);
    let mut done = Vec::new();
    write::result_response(&mut done, 7, ResponseOp::SearchDone, ResultCode::SUCCESS, b"", "");
    for (name, message) in [("entry", &entry), ("done", &done)] {
        criterion.bench_function(&format!("response_head/{name}"), |bencher| {
            bencher.iter(|| ResponseHead::peek(black_box(message)));
        });
    }
    criterion.bench_function("frame", |bencher| {
        bencher.iter(|| Frame::peek(black_box(&entry)));
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
