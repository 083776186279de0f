//! What holds for all traffic: a session without rules changes nothing of what is valid, however it is cut and
//! interleaved; an id means what its request meant; and whatever comes, it ends well.

mod stage;

use std::collections::BTreeMap;

use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{Operation, Request, RequestKind, ResponseHead, ResponseOp};
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_session::{Event, Limits, ListenerTls};
use proptest::prelude::*;
use stage::{LIMITS, Stage, entry, search, settings};

/// One request and what the server answers.
#[derive(Clone, Copy, Debug)]
enum Exchange {
    Search { entries: usize, size: usize },
    Compare,
    Delete,
    Extended { intermediate: bool },
    Bind { code: u32 },
}

fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
    let size = prop_oneof![0..200_usize, 0..3_000_usize];
    let exchange = prop_oneof![
        4 => (0..4_usize, size).prop_map(|(entries, size)| Exchange::Search { entries, size }),
        1 => Just(Exchange::Compare),
        1 => Just(Exchange::Delete),
        1 => any::<bool>().prop_map(|intermediate| Exchange::Extended { intermediate }),
        2 => prop::sample::select(vec![0, 0, 49, 14]).prop_map(|code| Exchange::Bind { code }),
    ];
    prop::collection::vec(exchange, 1..12)
}

fn result(out: &mut Vec<u8>, id: u32, operation: ResponseOp, code: u32) {
    write::result_response(out, id, operation, ResultCode(code), b"", "said so");
}

impl Exchange {
    fn request(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::Search { .. } => search(out, id),
            Self::Compare => write::compare_request(out, id, b"cn=a", b"cn", b"a"),
            Self::Delete => write::delete_request(out, id, b"cn=a", &[]),
            Self::Extended { .. } => write::extended_request(out, id, b"1.3.6.1.4.1.4203.1.11.3", None, &[]),
            Self::Bind { code: 14 } => write::sasl_bind_request(out, id, b"SCRAM-SHA-256", Some(b"n,,")),
            Self::Bind { .. } => write::bind_request(out, id, b"cn=a", b"secret", &[]),
        }
    }

    fn responses(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::Search { entries, size } => {
                for _ in 0..entries {
                    entry(out, id, size);
                }
                result(out, id, ResponseOp::SearchDone, 0);
            }
            Self::Compare => result(out, id, ResponseOp::Compare, 6),
            Self::Delete => result(out, id, ResponseOp::Delete, 32),
            Self::Extended { intermediate } => {
                if intermediate {
                    write::intermediate(out, id, Some(b"1.2.3"), Some(b"x"), &[]);
                }
                result(out, id, ResponseOp::Extended, 0);
            }
            Self::Bind { code } => result(out, id, ResponseOp::Bind, code),
        }
    }
}

/// The whole messages at the front of a stream, taken off it.
fn taken(stream: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    while let Ok(Some(frame)) = Frame::peek(stream)
        && frame.length <= stream.len()
    {
        whole.push(stream.drain(..frame.length).collect());
    }
    whole
}

/// A side's next octets: at most so many.
fn piece(stream: &mut Vec<u8>, most: usize) -> Vec<u8> {
    stream.drain(..most.min(stream.len())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn valid_traffic_passes_as_it_is_in_any_pieces_and_interleaving(
        exchanges in exchanges(),
        turns in prop::collection::vec((any::<bool>(), prop_oneof![1..8_usize, 1..2_000_usize]), 1..40),
        outstanding in prop_oneof![Just(1_usize), 2..5_usize, Just(1_024)],
        buffered in prop_oneof![100..500_usize, Just(1_048_576_usize)],
    ) {
        let limits = Limits { outstanding_requests: outstanding, buffered_bytes: buffered, ..LIMITS };
        let mut stage = Stage::new(&settings(ListenerTls::None, limits));
        let mut said = Vec::new();
        let mut between_stages = false;
        // Between the stages of a SASL bind nothing but a bind is forwarded: the model sends nothing else then.
        let asked: Vec<_> = exchanges
            .into_iter()
            .filter(|exchange| {
                let bind = matches!(exchange, Exchange::Bind { .. });
                let keep = bind || !between_stages;
                if bind {
                    between_stages = matches!(exchange, Exchange::Bind { code: 14 });
                }
                keep
            })
            .collect();
        for (position, exchange) in asked.iter().enumerate() {
            exchange.request(&mut said, u32::try_from(position).unwrap() + 1);
        }
        let (sent, mut answers, mut sent_back) = (said.clone(), Vec::new(), Vec::new());
        let (mut unread, mut read) = (Vec::new(), 0);
        let both = [(true, 64), (false, 64)];
        for (client, most) in turns.iter().chain(&both).cycle().take(200_000) {
            if *client && !stage.paused {
                let octets = piece(&mut said, *most);
                stage.client_says(&octets);
            } else {
                let octets = piece(&mut answers, *most);
                stage.upstream_says(&octets);
            }
            unread.extend_from_slice(&stage.upstream[read..]);
            read = stage.upstream.len();
            for message in taken(&mut unread) {
                let request = Request::parse(&message, &LIMITS.filter).unwrap();
                let mut answer = Vec::new();
                asked[request.message_id as usize - 1].responses(&mut answer, request.message_id);
                sent_back.extend_from_slice(&answer);
                answers.extend_from_slice(&answer);
            }
            if said.is_empty() && answers.is_empty() {
                break;
            }
        }
        prop_assert!(stage.events.iter().all(|event| !matches!(event, Event::Violation(_) | Event::Close(_))));
        prop_assert!(stage.upstream == sent, "requests arrive as they were sent");
        prop_assert!(stage.client == sent_back, "responses arrive as they were sent");
        prop_assert_eq!((stage.session.outstanding(), stage.session.buffered(), stage.paused), (0, 0, false));
    }

    #[test]
    fn an_id_means_what_its_request_meant(
        turns in prop::collection::vec((0..6_u8, 1..6_u32, any::<bool>()), 1..80),
    ) {
        let mut stage = Stage::new(&settings(ListenerTls::None, LIMITS));
        // The model: each id's request, and whether it was abandoned.
        let mut taken: BTreeMap<u32, (RequestKind, bool)> = BTreeMap::new();
        stage.client_says(&{
            let mut out = Vec::new();
            search(&mut out, 1_000);
            out
        });
        let mut done = Vec::new();
        result(&mut done, 1_000, ResponseOp::SearchDone, 0);
        stage.upstream_says(&done);
        for (turn, id, is_final) in turns {
            let (client, upstream) = (stage.client.len(), stage.upstream.len());
            let mut octets = Vec::new();
            match turn {
                0 | 1 => {
                    let (exchange, kind) = if turn == 0 {
                        (Exchange::Search { entries: 0, size: 0 }, RequestKind::Search)
                    } else {
                        (Exchange::Compare, RequestKind::Compare)
                    };
                    exchange.request(&mut octets, id);
                    stage.client_says(&octets);
                    if taken.contains_key(&id) {
                        prop_assert_eq!(stage.events.last(), Some(&Event::Close(ostiary_session::CloseReason::ClientViolation)));
                        return Ok(());
                    }
                    taken.insert(id, (kind, false));
                    prop_assert_eq!(&stage.upstream[upstream..], &octets);
                }
                2 => {
                    write::abandon_request(&mut octets, 500, id);
                    stage.client_says(&octets);
                    if let Some(state) = taken.get_mut(&id) {
                        state.1 = true;
                    }
                    prop_assert_eq!(&stage.upstream[upstream..], &octets);
                }
                _ => {
                    let search = taken.get(&id).is_none_or(|(kind, _)| *kind == RequestKind::Search);
                    let operation = match (search, is_final) {
                        (true, true) => ResponseOp::SearchDone,
                        (true, false) => ResponseOp::SearchEntry,
                        (false, _) => ResponseOp::Compare,
                    };
                    if operation == ResponseOp::SearchEntry {
                        entry(&mut octets, id, 10);
                    } else {
                        result(&mut octets, id, operation, 0);
                    }
                    stage.upstream_says(&octets);
                    match taken.get(&id) {
                        Some((_, false)) => prop_assert_eq!(&stage.client[client..], &octets),
                        Some((_, true)) => prop_assert_eq!(stage.client.len(), client),
                        None => {
                            // The server is left; what waited is answered unavailable, nothing abandoned is.
                            let mut waited: Vec<_> =
                                taken.iter().filter(|(_, (_, abandoned))| !abandoned).map(|(id, _)| *id).collect();
                            let mut told: Vec<_> = self::taken(&mut stage.client[client..].to_vec())
                                .iter()
                                .map(|message| ResponseHead::peek(message).unwrap().unwrap().message_id)
                                .collect();
                            waited.sort_unstable();
                            told.sort_unstable();
                            prop_assert_eq!(waited, told);
                            prop_assert!(matches!(stage.events.last(), Some(Event::CloseUpstream(_))));
                            return Ok(());
                        }
                    }
                    if operation.is_final() {
                        taken.remove(&id);
                    }
                }
            }
            let waiting = taken.values().filter(|(_, abandoned)| !abandoned).count();
            prop_assert_eq!(stage.session.outstanding(), waiting);
        }
    }

    #[test]
    fn whatever_comes_nothing_panics_grows_or_is_said_after_the_end(
        chunks in prop::collection::vec((any::<bool>(), octets()), 1..40),
        buffered in prop_oneof![Just(64_usize), Just(1_000)],
    ) {
        let limits = Limits {
            buffered_bytes: buffered, message_bytes_unauthenticated: 500, message_bytes: 1_000, ..LIMITS
        };
        let mut stage = Stage::new(&settings(ListenerTls::None, limits));
        for (client, octets) in chunks {
            let closed = stage.session.is_closed();
            let before = (stage.client.len(), stage.upstream.len(), stage.events.len());
            if !client {
                stage.upstream_says(&octets);
            } else if !stage.paused {
                stage.client_says(&octets);
            }
            if closed {
                prop_assert_eq!(before, (stage.client.len(), stage.upstream.len(), stage.events.len()));
            }
            prop_assert!(stage.session.buffered() <= 1_000 + buffered + 2 * 200);
        }
        prop_assert!(taken(&mut stage.client.clone()).iter().all(|message| ResponseHead::peek(message).is_ok()));
        for message in taken(&mut stage.upstream) {
            let request = Request::parse(&message, &LIMITS.filter);
            prop_assert!(request.is_ok(), "what follows no grammar goes nowhere");
            let start_tls = |name: &[u8]| name == ostiary_ldap::oid::START_TLS_OID.as_bytes();
            prop_assert!(
                !matches!(request.unwrap().operation, Operation::Extended { name, .. } if start_tls(name)),
                "StartTLS is never forwarded"
            );
        }
        stage.call(ostiary_session::Session::client_gone);
        prop_assert!(stage.session.is_closed());
    }
}

/// Octets that look like messages more often than chance would have it.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let exchange = || {
        (exchanges(), 1..4_u32, any::<bool>()).prop_map(|(exchanges, id, answers)| {
            let mut out = Vec::new();
            for exchange in exchanges.into_iter().take(2) {
                if answers {
                    exchange.responses(&mut out, id);
                } else {
                    exchange.request(&mut out, id);
                }
            }
            out
        })
    };
    let noise = prop::collection::vec(prop_oneof![Just(0x30_u8), Just(2), Just(4), Just(1), any::<u8>()], 0..60);
    prop_oneof![
        4 => exchange(),
        1 => (exchange(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut octets, at, octet)| {
            let at = at.index(octets.len());
            octets[at] = octet;
            octets
        }),
        1 => noise,
    ]
    .prop_map(|mut octets| {
        octets.truncate(200);
        octets
    })
}
