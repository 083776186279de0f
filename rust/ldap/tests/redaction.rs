//! No secret reaches a log: the `Debug` of everything that may hold one shows none, and neither do errors.

use ostiary_ldap::filter::{Filter, FilterLimits};
use ostiary_ldap::message::{ChangeKind, Control, DerefAliases, Request, Scope, SearchResultEntry};
use ostiary_ldap::result::{BindResponse, ExtendedResponse, ResultCode};
use ostiary_ldap::write::{self, NewChange, NewSearch};

const SECRET: &[u8] = b"canary-8c1f";

fn requests() -> Vec<Vec<u8>> {
    let limits = FilterLimits::default();
    let filter = Filter::parse("(userPassword=canary-8c1f)", &limits).unwrap().to_ber();
    let search = NewSearch {
        base_object: b"dc=a",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: &filter,
        attributes: &[b"cn"],
    };
    let change = NewChange { operation: ChangeKind::Add, description: b"unicodePwd", values: &[SECRET] };
    let control = Control { control_type: b"1.2.3", criticality: true, value: Some(SECRET) };
    let attributes: [(&[u8], [&[u8]; 1]); 1] = [(b"userPassword", [SECRET])];
    let mut messages = vec![Vec::new(); 7];
    write::bind_request(&mut messages[0], 1, b"cn=a", SECRET, &[control]);
    write::sasl_bind_request(&mut messages[1], 1, b"PLAIN", Some(SECRET));
    write::search_request(&mut messages[2], 1, &search, &[control]);
    write::modify_request(&mut messages[3], 1, b"cn=a", &[change], &[]);
    write::add_request(&mut messages[4], 1, b"cn=a", attributes, &[]);
    write::compare_request(&mut messages[5], 1, b"cn=a", b"userPassword", SECRET);
    write::extended_request(&mut messages[6], 1, b"1.3.6.1.4.1.4203.1.11.1", Some(SECRET), &[]);
    messages
}

fn assert_hidden(shown: &str) {
    let numbers = format!("{SECRET:?}");
    let numbers = numbers.trim_matches(['[', ']']);
    assert!(!shown.contains("canary") && !shown.contains(numbers), "{shown}");
}

#[test]
fn debug_of_requests_shows_no_secret() {
    for message in requests() {
        let request = Request::parse(&message, &FilterLimits::default()).unwrap();
        assert!(message.windows(SECRET.len()).any(|window| window == SECRET));
        assert_hidden(&format!("{request:?} {request:#?}"));
    }
}

#[test]
fn errors_show_no_secret() {
    for message in requests() {
        for place in 0..message.len() {
            let mut broken = message.clone();
            broken[place] ^= 0x15;
            if let Err(error) = Request::parse(&broken, &FilterLimits::default()) {
                assert_hidden(&format!("{error} {error:?}"));
            }
        }
    }
}

#[test]
fn debug_of_responses_shows_no_secret() {
    let mut message = Vec::new();
    write::bind_response(&mut message, 1, ResultCode::SASL_BIND_IN_PROGRESS, "", Some(SECRET));
    assert_hidden(&format!("{:?}", BindResponse::parse(&message).unwrap()));

    message.clear();
    write::extended_response(&mut message, 1, ResultCode::SUCCESS, "", None, Some(SECRET), &[]);
    assert_hidden(&format!("{:?}", ExtendedResponse::parse(&message).unwrap()));

    message.clear();
    let attributes: [(&[u8], [&[u8]; 1]); 1] = [(b"userPassword", [SECRET])];
    write::search_entry(&mut message, 1, b"cn=a", attributes, &[]);
    assert_hidden(&format!("{:?}", SearchResultEntry::parse(&message).unwrap()));
}
