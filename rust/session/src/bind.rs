//! Binds: which are refused here, what is held behind one, and who the client is afterwards.
//! RFC 4511 4.2, RFC 4513 5; traps T9, T23 to T27.

use ostiary_ldap::message::{Authentication, BindRequest, Operation, Request, RequestKind};
use ostiary_ldap::result::{BindResponse, ResultCode};
use ostiary_ldap::write;
use ostiary_policy::Who;

use crate::client::{TLS_REQUIRED, Taken};
use crate::identity::{Identity, is_blank};
use crate::judging::Guarded;
use crate::phase::{Phase, Refusal, UpstreamPhase};
use crate::session::Session;
use crate::settings::RequireTls;
use crate::step::Step;

impl Session {
    /// Judges a bind: refused here, or forwarded with everything behind it held.
    pub(crate) fn take_bind(
        &mut self,
        request: &Request<'_>,
        bind: &BindRequest<'_>,
        now: f64,
        step: &mut Step,
    ) -> Taken {
        if self.holds_any() {
            // What is held was judged as who the client is; it must not go upstream as who it will be.
            return Taken::Held;
        }
        if let Some(refusal) = self.bind_refusal(bind) {
            self.become_anonymous(request.message_id, Some(refusal), step);
            return Taken::Done;
        }
        self.judge_and_send(request, now, step)
    }

    /// A bind has gone upstream, or was answered for want of one.
    pub(crate) fn begin_bind(&mut self, request: &Request<'_>, guard: Option<Guarded>, step: &mut Step) {
        let Operation::Bind(bind) = &request.operation else { return };
        // From its beginning on, whatever its end (RFC 4511 4.2.1).
        self.become_known(Identity::Anonymous, Who::Anonymous, step);
        self.between_stages = false;
        if self.upstream.phase != UpstreamPhase::Ready {
            return;
        }
        let who = if self.under_policy.is_some() { Who::asked_by(bind) } else { Who::Anonymous };
        if let Some(under) = &mut self.under_policy {
            under.guarded = guard;
        }
        let sasl = matches!(bind.authentication, Authentication::Sasl { .. });
        self.upstream.may_be_bound |= has_credentials(bind);
        let (message_id, claimed) = (request.message_id, Identity::claimed(bind));
        self.phase = Phase::AwaitingBindResult { message_id, claimed, who, sasl };
    }

    /// The refusals that are always on.
    fn bind_refusal(&self, bind: &BindRequest<'_>) -> Option<Refusal> {
        let settings = &self.settings;
        let refuse = |code, text: &'static str| Some(Refusal { code, text: text.into() });
        if self.lacks_tls(RequireTls::All) {
            return refuse(ResultCode::CONFIDENTIALITY_REQUIRED, TLS_REQUIRED);
        }
        if bind.version != 3 && !(bind.version == 2 && settings.allow_ldapv2) {
            return refuse(ResultCode::PROTOCOL_ERROR, "only LDAP version 3 is spoken here");
        }
        match &bind.authentication {
            Authentication::Sicily { .. } if !settings.allow_sicily => {
                return refuse(ResultCode::AUTH_METHOD_NOT_SUPPORTED, "Sicily binds are not allowed here");
            }
            Authentication::Sasl { mechanism, .. }
                if settings.upstream_knows_gateway && mechanism.eq_ignore_ascii_case(b"EXTERNAL") =>
            {
                let text = "EXTERNAL would prove the gateway's identity to the server, not the client's";
                return refuse(ResultCode::AUTH_METHOD_NOT_SUPPORTED, text);
            }
            Authentication::Other { .. } => {
                return refuse(
                    ResultCode::AUTH_METHOD_NOT_SUPPORTED,
                    "an authentication choice that RFC 4511 does not know",
                );
            }
            // Servers answer success and have proved nothing (RFC 4513 5.1.2).
            Authentication::Simple(password)
                if !bind.name.is_empty() && is_blank(password) && !settings.allow_unauthenticated_bind =>
            {
                return refuse(ResultCode::UNWILLING_TO_PERFORM, "a bind with a name needs a password");
            }
            // No server can check such a password (RFC 4513 5.1.1); slapd answers the same.
            Authentication::Simple(password) if bind.name.is_empty() && !is_blank(password) => {
                return refuse(ResultCode::INVALID_CREDENTIALS, "a bind with a password needs a name");
            }
            _ => {}
        }
        if self.lacks_tls(RequireTls::Bind) && has_credentials(bind) {
            return refuse(ResultCode::CONFIDENTIALITY_REQUIRED, TLS_REQUIRED);
        }
        None
    }

    /// Makes the session anonymous, upstream too: by a bind of the gateway's own under the id of the request
    /// that made it necessary, which the server never sees.
    pub(crate) fn become_anonymous(&mut self, message_id: u32, refusal: Option<Refusal>, step: &mut Step) {
        self.become_known(Identity::Anonymous, Who::Anonymous, step);
        self.between_stages = false;
        if self.upstream.phase == UpstreamPhase::Ready && self.upstream.may_be_bound {
            write::anonymous_bind_request(&mut step.upstream.plain, message_id);
            self.phase = Phase::AwaitingAnonymity { message_id, refusal };
        } else {
            self.answer_refused_bind(message_id, refusal, step);
        }
    }

    /// The server answered the gateway's own anonymous bind. Whatever it said, the connection is anonymous:
    /// a failed bind leaves it so too (RFC 4511 4.2.1).
    pub(crate) fn end_awaiting_anonymity(&mut self, step: &mut Step) {
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::AwaitingAnonymity { message_id, refusal } => {
                self.upstream.may_be_bound = false;
                self.answer_refused_bind(message_id, refusal, step);
            }
            other => self.phase = other,
        }
    }

    /// The server answered the client's bind: who the client is now. The response itself is passed on as it came.
    pub(crate) fn end_awaiting_bind_result(&mut self, response: &BindResponse<'_>, now: f64, step: &mut Step) {
        let Phase::AwaitingBindResult { claimed, who, sasl, .. } = std::mem::replace(&mut self.phase, Phase::Open)
        else {
            return;
        };
        if let Some(under) = &mut self.under_policy {
            under.end_guarded(Some(response.result.code), now);
        }
        match response.result.code {
            ResultCode::SUCCESS => {
                self.become_known(claimed, who, step);
                // The layer starts right behind this response, if there is one.
                self.client.layer_possible = sasl;
                self.upstream.layer_possible = sasl;
            }
            ResultCode::SASL_BIND_IN_PROGRESS => self.between_stages = true,
            // A bind that was checked and failed leaves the connection anonymous (RFC 4511 4.2.1): nothing is there to
            // take back. Of other codes (busy, unavailable) nobody knows whether the server began.
            ResultCode::INVALID_CREDENTIALS => self.upstream.may_be_bound = false,
            _ => {}
        }
    }

    fn answer_refused_bind(&mut self, message_id: u32, refusal: Option<Refusal>, step: &mut Step) {
        if let Some(Refusal { code, text }) = refusal {
            self.refuse(message_id, RequestKind::Bind, code, &text, step);
        }
    }
}

/// Whether a bind carries something to protect, or to take back.
pub(crate) fn has_credentials(bind: &BindRequest<'_>) -> bool {
    match &bind.authentication {
        // NUL octets are a password to servers that count them.
        Authentication::Simple(password) => !password.is_empty(),
        Authentication::Sasl { mechanism, .. } => !mechanism.eq_ignore_ascii_case(b"ANONYMOUS"),
        _ => true,
    }
}
