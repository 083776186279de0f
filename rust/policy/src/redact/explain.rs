//! What each rule comes to for one request, for people who ask why.

use ostiary_ldap::result::ResultCode;

use super::Redact;
use super::request::{self, Why};
use crate::asked::Asked;
use crate::decision::Mode;
use crate::facts::ClientFacts;
use crate::who::Who;

/// What one rule comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport<'r> {
    /// Its name.
    pub rule: &'r str,
    /// Whether it only monitors.
    pub monitor: bool,
    /// The key by which it does not apply to the client: `from`, `listener`, `identity` or `unless`.
    pub spared_by: Option<&'static str>,
    /// The code by which it refuses the request, and why.
    pub refuses: Option<(ResultCode, &'static str)>,
    /// The attributes that are asked for by name and cut from the answer.
    pub cut: Vec<String>,
}

impl Redact {
    /// What the rules come to, in their order, up to the one that refuses: what [`Redact::judge`] goes by.
    pub fn explain(&self, client: &ClientFacts, who: &Who, asked: &Asked<'_>) -> Vec<RuleReport<'_>> {
        let mut reports = Vec::new();
        for rule in &self.rules {
            let monitor = rule.mode == Mode::Monitor;
            let mut report = RuleReport { rule: &rule.name, monitor, spared_by: None, refuses: None, cut: Vec::new() };
            report.spared_by = rule.spared_by(client, who);
            if report.spared_by.is_none() {
                let secrets = &rule.alone.secrets;
                report.refuses = request::refusal(secrets, asked).map(|(_, why)| (self.answer(why).0, because(why)));
                let named = asked.selectors().map(|selectors| selectors.named.as_slice()).unwrap_or_default();
                let cut = named.iter().filter(|(_, spelling)| secrets.cuts(spelling).is_some());
                report.cut = cut.map(|(description, _)| description.to_string()).collect();
            }
            let ends = report.refuses.is_some() && !monitor;
            reports.push(report);
            if ends {
                break;
            }
        }
        reports
    }
}

fn because(why: Why) -> &'static str {
    match why {
        Why::Hidden => "the target is hidden",
        Why::Tells => "it would tell of something hidden",
        Why::Unreadable => "what it asks cannot be normalised",
    }
}
