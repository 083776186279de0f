//! StartTLS on both sides (RFC 4511 4.14, traps T1 to T6). Never a fall-back to plain.

use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::{ExtendedResponse, ResultCode};
use ostiary_ldap::write;
use ostiary_ledger::Ended;
use rustls::ServerConfig;

use crate::client::Place;
use crate::event::Event;
use crate::phase::UpstreamPhase;
use crate::session::Session;
use crate::settings::{ListenerTls, UpstreamTls};
use crate::step::Step;
use crate::tls::ClientSideTls;
use crate::violation::ViolationKind;

/// The id of the gateway's own StartTLS request: nothing else has been sent on that connection.
pub(crate) const START_TLS_MESSAGE_ID: u32 = 1;

/// How a client asks for TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartTlsAsked {
    pub has_value: bool,
    /// With a control that has to be heeded.
    pub has_critical: bool,
    pub place: Place,
}

impl Session {
    /// A client asks for TLS.
    pub(crate) fn take_start_tls(&mut self, message_id: u32, asked: StartTlsAsked, now: f64, step: &mut Step) {
        let place = asked.place;
        let config = match self.may_start_tls(asked) {
            Ok(config) => config,
            Err((code, text)) => return self.refuse(message_id, RequestKind::Extended, code, text, step),
        };
        if place.followed {
            // Whoever wrote them wrote them in plain: an attacker may have put them there.
            let detail = "octets behind a StartTLS request, before its response".to_owned();
            return self.client_violation(ViolationKind::BytesBehindStartTls, detail, step);
        }
        match ClientSideTls::new(config) {
            Ok(tls) => {
                let mut response = Vec::new();
                write::start_tls_response(&mut response, message_id);
                // The last words in plain: what waits for the client is sealed from here on.
                step.client.sealed.extend_from_slice(&step.client.plain);
                step.client.plain.clear();
                step.client.sealed.extend_from_slice(&response);
                self.account_for(message_id, Ended::Answered(ResultCode::SUCCESS));
                self.client.tls = Some(Box::new(tls));
                self.await_until(Some(now + self.settings.limits.handshake_seconds), step);
                // The server knows nothing of this TLS: what was proved in plain does not count behind it.
                self.become_anonymous(message_id, None, step);
            }
            Err(error) => {
                let detail = error.0;
                self.client_violation(ViolationKind::TlsFailed, detail, step);
            }
        }
    }

    /// The TLS that is offered, unless the moment or the request is wrong.
    fn may_start_tls(&self, asked: StartTlsAsked) -> Result<Arc<ServerConfig>, (ResultCode, &'static str)> {
        let StartTlsAsked { has_value, has_critical, place } = asked;
        if self.client.tls.is_some() {
            return Err((ResultCode::OPERATIONS_ERROR, "TLS is already established"));
        }
        let ListenerTls::StartTls(config) = &self.settings.tls else {
            return Err((ResultCode::PROTOCOL_ERROR, "StartTLS is not offered here"));
        };
        if has_critical {
            // There is none that has a meaning here (RFC 4511 4.1.11).
            return Err((ResultCode::UNAVAILABLE_CRITICAL_EXTENSION, "StartTLS has no critical controls"));
        }
        if has_value {
            return Err((ResultCode::PROTOCOL_ERROR, "StartTLS has no value"));
        }
        if place.held || self.between_stages || !self.outstanding.is_empty() || self.holds_any() {
            return Err((ResultCode::OPERATIONS_ERROR, "StartTLS while requests are outstanding"));
        }
        Ok(Arc::clone(config))
    }

    /// Asks a server for TLS before anything else is sent.
    pub(crate) fn ask_for_start_tls(&mut self, step: &mut Step) {
        write::start_tls_request(&mut step.upstream.plain, START_TLS_MESSAGE_ID);
        self.upstream.phase = UpstreamPhase::AwaitingStartTlsResponse;
    }

    /// A server answered StartTLS.
    pub(crate) fn take_start_tls_response(&mut self, message_id: u32, message: &[u8], followed: bool, step: &mut Step) {
        let response = match ExtendedResponse::parse(message) {
            Ok(response) => response,
            Err(error) => return self.fail_upstream_setup(&format!("bad StartTLS response: {error}"), step),
        };
        if message_id != START_TLS_MESSAGE_ID {
            return self.fail_upstream_setup("the StartTLS response has another message id", step);
        }
        if response.result.code != ResultCode::SUCCESS {
            let words = format!("the server refused StartTLS: {}", response.result.code);
            return self.fail_upstream_setup(&words, step);
        }
        if followed {
            // Trap T2: an answer smuggled in before the handshake.
            return self.fail_upstream_setup("octets behind the StartTLS response, before the handshake", step);
        }
        if let UpstreamTls::StartTls(config, name) = &*Arc::clone(&self.upstream.asked) {
            self.start_upstream_tls(Arc::clone(config), name.clone(), step);
        } else {
            self.upstream.phase = UpstreamPhase::AwaitingTlsEngine;
            step.events.push(Event::StartUpstreamTls);
        }
    }

    /// This server will not do: the driver tries the next.
    pub(crate) fn fail_upstream_setup(&mut self, words: &str, step: &mut Step) {
        self.upstream_abandoned();
        step.events.push(Event::UpstreamFailed(words.to_owned()));
    }
}
