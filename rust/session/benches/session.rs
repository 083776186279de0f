//! What a session costs per operation, without sockets and without what the peers' TLS costs.
#![allow(missing_docs, reason = "criterion's macros")]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ostiary_ldap::message::ResponseOp;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_session::ListenerTls;
use stage::peer::{Peer, listener};
use stage::{LIMITS, Stage, entry, search, settings};

struct Operation {
    name: &'static str,
    request: Vec<u8>,
    response: Vec<u8>,
}

fn operations() -> [Operation; 3] {
    let operation = |name, request: fn(&mut Vec<u8>), entries, operation| {
        let (mut asked, mut answer) = (Vec::new(), Vec::new());
        request(&mut asked);
        for _ in 0..entries {
            entry(&mut answer, 7, 200);
        }
        write::result_response(&mut answer, 7, operation, ResultCode::SUCCESS, b"", "");
        Operation { name, request: asked, response: answer }
    };
    let bind = |out: &mut Vec<u8>| write::bind_request(out, 7, b"cn=alice,dc=example", b"secret", &[]);
    [
        operation("search", |out| search(out, 7), 1, ResponseOp::SearchDone),
        operation("1000_entries", |out| search(out, 7), 1_000, ResponseOp::SearchDone),
        operation("bind", bind, 0, ResponseOp::Bind),
    ]
}

fn sessions(criterion: &mut Criterion) {
    for operation in operations() {
        let mut stage = Stage::new(&settings(ListenerTls::None, LIMITS));
        criterion.bench_function(&format!("plain/{}", operation.name), |bencher| {
            bencher.iter(|| {
                stage.client_says(black_box(&operation.request));
                stage.upstream_says(black_box(&operation.response));
                stage.client.clear();
                stage.upstream.clear();
            });
        });
        let mut stage = Stage::new(&settings(listener(), LIMITS));
        let mut peer = Peer::established(&mut stage);
        criterion.bench_function(&format!("tls/{}", operation.name), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    let records = peer.wraps(&operation.request);
                    spent += timed(|| stage.client_says(black_box(&records)));
                    spent += timed(|| stage.upstream_says(black_box(&operation.response)));
                    let answer = std::mem::take(&mut stage.client);
                    peer.receives(&answer);
                    stage.upstream.clear();
                }
                spent
            });
        });
        assert_eq!(stage.session.outstanding(), 0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench has a clock")]
fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

criterion_group!(benches, sessions);
criterion_main!(benches);
