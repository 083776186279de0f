//! The driver's half of the contract, for tests: feeds a session, keeps what each side has seen.
#![allow(dead_code, missing_docs, reason = "each test uses its part")]

pub mod peer;

use std::sync::Arc;

use ostiary_ldap::message::{DerefAliases, FilterLimits, Scope};
use ostiary_ldap::write;
use ostiary_session::{
    Event, Limits, ListenerTls, RequireTls, SaslSecurityLayers, Session, Settings, Step, UpstreamTls,
};

/// The limits that tests start from: the documented defaults.
pub const LIMITS: Limits = Limits {
    message_bytes_unauthenticated: 65_536,
    message_bytes: 8_388_608,
    filter: FilterLimits { depth: 64, nodes: 4_096 },
    outstanding_requests: 1_024,
    buffered_bytes: 1_048_576,
    handshake_seconds: 10.0,
    first_message_seconds: 30.0,
    idle_seconds: 900.0,
};

/// A listener without rules.
pub fn settings(tls: ListenerTls, limits: Limits) -> Arc<Settings> {
    Arc::new(Settings {
        tls,
        require_tls: RequireTls::Off,
        sasl_security_layers: SaslSecurityLayers::Refuse,
        allow_unauthenticated_bind: false,
        allow_ldapv2: false,
        allow_sicily: false,
        upstream_knows_gateway: false,
        upstream: "directory".to_owned(),
        listener: "test".into(),
        generation: 0,
        policy: None,
        sheet: None,
        limits,
    })
}

/// A session whose upstream is there at once, and what each side has seen.
pub struct Stage {
    pub session: Session,
    pub step: Step,
    pub client: Vec<u8>,
    pub upstream: Vec<u8>,
    pub events: Vec<Event>,
    pub setup: Arc<UpstreamTls>,
    pub paused: bool,
}

impl Stage {
    pub fn new(settings: &Arc<Settings>) -> Self {
        Self {
            session: Session::new(Arc::clone(settings), None, 0.0),
            step: Step::default(),
            client: Vec::new(),
            upstream: Vec::new(),
            events: Vec::new(),
            setup: Arc::new(UpstreamTls::None),
            paused: false,
        }
    }

    pub fn call(&mut self, call: impl FnOnce(&mut Session, &mut Step)) {
        self.step.clear();
        call(&mut self.session, &mut self.step);
        while self.keep() {
            self.step.clear();
            self.session.upstream_connected(&self.setup, 0.0, &mut self.step);
        }
    }

    /// Keeps what a step says; whether it asks for the upstream.
    fn keep(&mut self) -> bool {
        self.client.extend_from_slice(self.step.to_client());
        self.upstream.extend_from_slice(self.step.to_upstream());
        for event in &self.step.events {
            match event {
                Event::PauseClient => self.paused = true,
                Event::ResumeClient => self.paused = false,
                _ => {}
            }
        }
        self.events.extend_from_slice(&self.step.events);
        self.step.events.contains(&Event::Connect)
    }

    pub fn client_says(&mut self, octets: &[u8]) {
        self.call(|session, step| session.client_data(octets, 0.0, step));
    }

    pub fn upstream_says(&mut self, octets: &[u8]) {
        self.call(|session, step| session.upstream_data(octets, 0.0, step));
    }
}

/// A search for everything.
pub fn search(out: &mut Vec<u8>, message_id: u32) {
    let search = write::NewSearch {
        base_object: b"ou=people,dc=corp,dc=example",
        scope: Scope::WholeSubtree,
        deref_aliases: DerefAliases::NeverDerefAliases,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: b"\xa3\x0f\x04\x03uid\x04\x08alice.ab",
        attributes: &[b"uid", b"cn", b"mail"],
    };
    write::search_request(out, message_id, &search, &[]);
}

/// An entry with one value of so many octets.
pub fn entry(out: &mut Vec<u8>, message_id: u32, octets: usize) {
    let value = vec![b'x'; octets];
    let attributes: [(&[u8], [&[u8]; 1]); 1] = [(b"cn", [&value])];
    write::search_entry(out, message_id, b"cn=alice,dc=example", attributes, &[]);
}
