//! Tests of the whole stage, and what they share.

mod clients;
mod entries;
mod host_names;
mod properties;
mod requests;
mod results;

use std::sync::Arc;

use ostiary_ldap::message::{FilterLimits, Request, ResponseHead};
use serde_json::Value;

use super::{Fate, LastNames, Redact, RedactSpec, Redaction};
use crate::{Asked, ClientFacts, Decision, Faults, Outcome, Who};

fn compile(spec: Value) -> Result<Redact, Vec<String>> {
    let spec: RedactSpec = serde_json::from_value(spec).unwrap();
    let mut faults = Faults::default();
    let redact = Redact::compile(&spec, &mut faults);
    let faults: Vec<_> = faults.into_vec().iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    assert_eq!(redact.is_some(), faults.is_empty());
    redact.ok_or(faults)
}

fn client(address: &str) -> ClientFacts {
    ClientFacts { address: address.parse().ok(), listener: "ldaps".into(), tls: true, certificate: None }
}

/// What everybody is shown under one rule without criteria.
fn hiding(attributes: &[&str], hide: &[&str]) -> Redact {
    compile(serde_json::json!({ "rules": [{ "name": "r", "attributes": attributes, "hide": hide }] })).unwrap()
}

fn view(redact: &Redact) -> Arc<Redaction> {
    redact.view(&client("10.0.0.1"), &Who::Anonymous).unwrap()
}

/// What is shown of a message; none if it is dropped.
fn shown(redaction: &Redaction, message: &[u8]) -> Option<Vec<u8>> {
    let head = ResponseHead::peek(message).unwrap().unwrap();
    let mut out = b"before".to_vec();
    let fate = redaction.response(&head, message, &mut out).unwrap();
    let written = out.split_off(6);
    assert_eq!(out, b"before");
    match fate {
        Fate::Rewritten { .. } => Some(written),
        Fate::Untouched => {
            assert!(written.is_empty());
            Some(message.to_vec())
        }
        Fate::Dropped { .. } => {
            assert!(written.is_empty());
            None
        }
    }
}

/// The code of the refusal, if the request is refused.
fn refused(redact: &Redact, message: &[u8]) -> Option<u32> {
    let request = Request::parse(message, &FilterLimits::default()).unwrap();
    let mut outcome = Outcome::default();
    match redact.judge(&client("10.0.0.1"), &Who::Anonymous, &Asked::new(&request), &mut outcome) {
        Decision::Pass => None,
        Decision::Refuse { code, .. } => Some(code.0),
        other => panic!("{other:?}"),
    }
}
