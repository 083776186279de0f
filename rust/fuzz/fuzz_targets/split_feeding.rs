//! Two sessions get the same octets, one whole, one in pieces: both sides see the same of either.
//!
//! Input: how a bind was answered first, the lengths of the pieces, then the client's octets and the upstream's.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use ostiary_ldap::message::FilterLimits;
use ostiary_session::{
    Event, Limits, ListenerTls, RequireTls, SaslSecurityLayers, Session, Settings, Step, UpstreamTls,
};

fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        tls: ListenerTls::None,
        require_tls: RequireTls::Off,
        sasl_security_layers: SaslSecurityLayers::Opaque,
        allow_unauthenticated_bind: false,
        allow_ldapv2: true,
        allow_sicily: true,
        upstream_knows_gateway: false,
        upstream: "directory".to_owned(),
        listener: "test".into(),
        generation: 0,
        policy: None,
        sheet: None,
        limits: Limits {
            message_bytes_unauthenticated: 1 << 12,
            message_bytes: 1 << 16,
            filter: FilterLimits { depth: 8, nodes: 64 },
            outstanding_requests: 4,
            buffered_bytes: 1 << 16,
            handshake_seconds: 10.0,
            first_message_seconds: 30.0,
            idle_seconds: 900.0,
        },
    })
}

/// A session, what each side has seen of it, and whether it wants an upstream.
struct Stage {
    session: Session,
    step: Step,
    client: Vec<u8>,
    upstream: Vec<u8>,
    dials: bool,
    /// The upstream broke the protocol: what was held by then, and what not, depends on the pieces.
    lost: bool,
}

impl Stage {
    fn new(settings: &Arc<Settings>) -> Self {
        let session = Session::new(Arc::clone(settings), None, 0.0);
        Self { session, step: Step::default(), client: Vec::new(), upstream: Vec::new(), dials: false, lost: false }
    }

    fn call(&mut self, call: impl FnOnce(&mut Session, &mut Step)) {
        self.step.clear();
        call(&mut self.session, &mut self.step);
        self.client.extend_from_slice(self.step.to_client());
        self.upstream.extend_from_slice(self.step.to_upstream());
        self.dials |= self.step.events.contains(&Event::Connect);
        self.lost |= self.step.events.iter().any(|event| matches!(event, Event::CloseUpstream(_)));
    }

    fn connect(&mut self) {
        if std::mem::take(&mut self.dials) {
            self.call(|session, step| session.upstream_connected(&Arc::new(UpstreamTls::None), 0.0, step));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [bound, lengths @ .., cut_high, cut_low] = &data[..data.len().min(6)] else { return };
    let octets = &data[data.len().min(6)..];
    let cut = usize::from(u16::from_be_bytes([*cut_high, *cut_low])).min(octets.len());
    let (client, upstream) = octets.split_at(cut);
    let settings = settings();
    let mut whole = Stage::new(&settings);
    let mut split = Stage::new(&settings);
    for stage in [&mut whole, &mut split] {
        if bound & 1 != 0 {
            let bind = b"\x30\x0f\x02\x01\x7f\x60\x0a\x02\x01\x03\x04\x02o=\x80\x01x";
            stage.call(|session, step| session.client_data(bind, 0.0, step));
            stage.connect();
            let response = b"\x30\x0c\x02\x01\x7f\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
            stage.call(|session, step| session.upstream_data(response, 0.0, step));
            assert!(!stage.session.identity().is_anonymous());
        }
    }
    let pieces = |octets: &mut &[u8], round: &mut usize| {
        let length = usize::from(lengths[*round % lengths.len()]).max(1).min(octets.len());
        *round += 1;
        let (piece, rest) = octets.split_at(length);
        *octets = rest;
        piece.to_vec()
    };
    let mut round = 0;

    whole.call(|session, step| session.client_data(client, 0.0, step));
    let mut rest = client;
    while !rest.is_empty() {
        let piece = pieces(&mut rest, &mut round);
        split.call(|session, step| session.client_data(&piece, 0.0, step));
    }
    whole.connect();
    split.connect();
    whole.call(|session, step| session.upstream_data(upstream, 0.0, step));
    let mut rest = upstream;
    while !rest.is_empty() {
        let piece = pieces(&mut rest, &mut round);
        split.call(|session, step| session.upstream_data(&piece, 0.0, step));
    }
    if whole.lost || split.lost {
        return;
    }
    assert_eq!(whole.session.is_closed(), split.session.is_closed());
    assert_eq!(whole.dials, split.dials);
    assert_eq!(whole.session.outstanding(), split.session.outstanding());
    assert_eq!(whole.session.identity(), split.session.identity());
    // An ended client is told so once, wherever in its octets that was found.
    assert_eq!(whole.client, split.client);
    assert_eq!(whole.upstream, split.upstream);
});
