//! Other settings for a session that goes on. What comes from now on is judged by their policy and held to their limits;
//! what is under way ends under the policy that it began under, and gives back to it what it took.

use std::net::IpAddr;
use std::sync::Arc;

use crate::judging::UnderPolicy;
use crate::phase::Phase;
use crate::session::Session;
use crate::settings::Settings;
use crate::step::Step;

impl Session {
    /// The listener has these settings from now on. `address` is the client's, if somebody asks for it now.
    ///
    /// Its TLS stays as it is. Where settings have no policy or count nothing, a session that had a policy keeps it, and
    /// one that was counted is counted no more; one that was not counted is not counted later either.
    pub fn renew(&mut self, settings: Arc<Settings>, address: Option<IpAddr>, now: f64, step: &mut Step) {
        if self.is_closed() {
            return;
        }
        let earlier = std::mem::replace(&mut self.settings, settings);
        self.address = self.address.or(address);
        self.renew_policy(&earlier);
        match (&mut self.account, &self.settings.sheet) {
            (Some(account), Some(sheet)) => account.renew(sheet, &earlier),
            _ => self.account = None,
        }
        self.announce_deadline(step);
        if matches!(self.phase, Phase::Open | Phase::AwaitingVerdict { .. }) && !self.is_within_response() {
            // What waited for a limit may go on.
            self.take_inbox(now, step);
        }
        self.finish_step(step);
    }

    fn renew_policy(&mut self, earlier: &Arc<Settings>) {
        let Some(policy) = &self.settings.policy else { return };
        match &mut self.under_policy {
            Some(under) if Arc::ptr_eq(&under.policy, policy) => {}
            Some(under) => {
                under.leave(earlier);
                under.policy = Arc::clone(policy);
                under.standing = None;
            }
            None => {
                self.under_policy = Some(Box::new(UnderPolicy::new(policy, &self.settings.listener, self.address)));
                self.learn_tls();
                if let Some(under) = &mut self.under_policy {
                    under.who = self.identity.who();
                }
                if let Phase::AwaitingBindResult { claimed, who, .. } = &mut self.phase {
                    *who = claimed.who();
                }
            }
        }
    }
}

impl UnderPolicy {
    /// What is under way keeps to the settings that it began under.
    fn leave(&mut self, settings: &Arc<Settings>) {
        let front = self.front.iter_mut().map(|front| &mut front.walking.earlier);
        let held = self.held.iter_mut().map(|held| &mut held.walking.earlier);
        let followed = self.followed.iter_mut().map(|followed| &mut followed.earlier);
        let guarded = self.guarded.iter_mut().map(|guarded| &mut guarded.earlier);
        for earlier in front.chain(held).chain(followed).chain(guarded) {
            earlier.get_or_insert_with(|| Arc::clone(settings));
        }
    }
}
