//! TLS in any pieces, and what Python's TLS cannot play: key updates, records that end anywhere.

mod stage;

use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use ostiary_session::Event;
use proptest::prelude::*;
use stage::peer::{Peer, listener};
use stage::{LIMITS, Stage, entry, search, settings};

fn requests() -> Vec<u8> {
    let mut out = Vec::new();
    search(&mut out, 1);
    write::compare_request(&mut out, 2, b"cn=a", b"cn", b"a");
    write::delete_request(&mut out, 3, &vec![b'x'; 40_000], &[]);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn records_in_any_pieces_hold_what_was_sent(
        lengths in prop::collection::vec(1..5_000_usize, 1..6), parts in 1..9_000_usize
    ) {
        let mut stage = Stage::new(&settings(listener(), LIMITS));
        let mut peer = Peer::established(&mut stage);
        let plain = requests();
        let records: Vec<u8> = plain.chunks(parts).flat_map(|part| peer.wraps(part)).collect();
        let mut rest = &records[..];
        for length in lengths.iter().cycle() {
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            stage.client_says(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert!(stage.upstream == plain);
        let mut answer = Vec::new();
        for size in &lengths {
            entry(&mut answer, 1, *size);
        }
        stage.upstream_says(&answer);
        let answered = std::mem::take(&mut stage.client);
        prop_assert!(peer.receives(&answered) == answer);
        prop_assert_eq!(stage.session.buffered(), 0);
    }
}

#[test]
fn keys_may_be_updated_at_any_time_and_in_any_pieces() {
    let mut stage = Stage::new(&settings(listener(), LIMITS));
    let mut peer = Peer::established(&mut stage);
    let mut message = Vec::new();
    entry(&mut message, 1, 100);
    let mut asked = Vec::new();
    search(&mut asked, 1);
    let records = peer.wraps(&asked);
    stage.client_says(&records);
    for round in 0..20 {
        peer.0.refresh_traffic_keys().unwrap();
        let update = peer.sends();
        let (first, second) = update.split_at(round % update.len());
        stage.client_says(first);
        // The session has something to say in the middle of the client's record.
        stage.upstream_says(&message);
        stage.client_says(second);
        stage.upstream_says(&message);
        let answered = std::mem::take(&mut stage.client);
        assert_eq!(peer.receives(&answered), [message.clone(), message.clone()].concat());
        let mut abandon = Vec::new();
        write::abandon_request(&mut abandon, 9, 7);
        let records = peer.wraps(&abandon);
        stage.client_says(&records);
    }
    assert!(!stage.session.is_closed());
}

#[test]
fn a_client_in_the_middle_of_a_record_may_still_be_told_and_cut() {
    // The last octets of a record are missing when the session has something to say, and when it ends.
    let mut stage = Stage::new(&settings(listener(), LIMITS));
    let mut peer = Peer::established(&mut stage);
    let records = peer.wraps(&requests());
    stage.client_says(&records[..records.len() - 1]);
    let mut notice = Vec::new();
    write::extended_response(&mut notice, 0, ResultCode::SUCCESS, "", Some(b"1.2.3"), None, &[]);
    stage.upstream_says(&notice);
    stage.call(ostiary_session::Session::shut_down);
    assert!(matches!(stage.events.last(), Some(Event::Close(_))));
    let answered = std::mem::take(&mut stage.client);
    let told = peer.receives(&answered);
    assert!(told.starts_with(&notice) && told.len() > notice.len());
}
