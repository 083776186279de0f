//! Why the chain decides a request as it does: what every stage says of it, without counting anything.
//!
//! The decision of each stage is the one that traffic gets. What depends on what came before (rates, failures) or is
//! asked live (hooks) is named and not asked.

use ostiary_ldap::message::Request;
use ostiary_ldap::result::ResultCode;
use serde::Serialize;

use crate::asked::Asked;
use crate::chain::{Policy, Rules, Stage, Weight};
use crate::decision::{Decision, Mode, Outcome, SearchEdit};
use crate::explain::{Changed, Explanation, Failed};
use crate::facts::ClientFacts;
use crate::spec::word;
use crate::who::Who;

/// What the whole chain says.
#[derive(Debug, Default, Serialize)]
struct Explained {
    /// `allowed` or `refused`.
    verdict: &'static str,
    plugin: Option<String>,
    rule: Option<String>,
    code: Option<u32>,
    code_name: Option<String>,
    text: Option<String>,
    /// How a search is changed before it goes on.
    changes: Option<Changed>,
    trace: Vec<Row>,
    /// Of the list that is named so far.
    #[serde(skip)]
    weight: Weight,
}

/// What one rule, or one stage, says.
#[derive(Debug, Default, Serialize)]
struct Row {
    plugin: String,
    rule: String,
    /// `matched`, `failed`, `refused`, `passed`, or `not_asked`.
    outcome: &'static str,
    /// Whether it only monitors.
    monitor: bool,
    /// The first criterion that did not hold.
    criterion: Option<&'static str>,
    /// What was asked, in words.
    detail: Option<String>,
    /// Every criterion that did not hold.
    failed: Vec<Failed>,
}

impl Policy {
    /// What would be decided of a request, and why, as JSON. `who` is the identity proved.
    pub fn explain(&self, facts: &ClientFacts, who: &Who, request: &Request<'_>) -> String {
        let asked = Asked::new(request);
        let mut told = Explained { verdict: "allowed", ..Explained::default() };
        let mut edit = SearchEdit::default();
        for stage in &self.stages {
            let refused = match &stage.rules {
                Rules::AllowList(rules) => {
                    let explanation = rules.explain(facts, who, &asked);
                    if let (Some(changed), Mode::Enforce) = (&explanation.changed, stage.mode) {
                        edit.narrow(changed.clone().into());
                    }
                    told.add_rules(stage, explanation)
                }
                Rules::Limits(rules) => {
                    let mut outcome = Outcome::default();
                    let decision = rules.judge(facts, who, &asked, &mut outcome);
                    told.add_stage(stage, &decision)
                }
                Rules::Redact(rules) => {
                    let mut outcome = Outcome::default();
                    let decision = rules.judge(facts, who, &asked, &mut outcome);
                    told.add_stage(stage, &decision)
                }
                Rules::RateLimit(_) => told.leave_out(stage, "how often was asked before is not known here"),
                Rules::BindGuard(_) => told.leave_out(stage, "how often binds failed before is not known here"),
                Rules::Hook(operations) if operations.contains(asked.kind()) => {
                    told.leave_out(stage, &format!("its hook is asked live about every {}", word(asked.kind())))
                }
                Rules::Hook(_) => false,
            };
            if refused {
                told.verdict = "refused";
                break;
            }
        }
        if told.verdict == "allowed" && !edit.is_nothing() {
            told.changes = Some(edit.into());
        }
        serde_json::to_string(&told).unwrap_or_default()
    }
}

impl Explained {
    /// Adds what an `allow_list` says; true if that ends the request's way.
    fn add_rules(&mut self, stage: &Stage, explanation: Explanation) -> bool {
        let plugin = stage.plugin.to_string();
        let rows = explanation.rules.into_iter().map(|rule| Row {
            plugin: plugin.clone(),
            rule: rule.rule,
            outcome: if rule.matched { "matched" } else { "failed" },
            monitor: rule.monitor || stage.mode == Mode::Monitor,
            criterion: rule.failed.first().map(|failed| failed.criterion),
            detail: rule.failed.first().map(|failed| failed.asked.clone()),
            failed: rule.failed,
        });
        self.trace.extend(rows);
        if explanation.rule.as_deref() == Some("default") {
            let outcome = if explanation.allowed { "passed" } else { "refused" };
            let detail = Some("no rule matched".to_owned());
            let monitor = stage.mode == Mode::Monitor;
            let rule = "default".to_owned();
            self.trace.push(Row { plugin: plugin.clone(), rule, outcome, monitor, detail, ..Row::default() });
        }
        let ends = !explanation.allowed && stage.mode == Mode::Enforce;
        // Of several lists that let pass, the one is named that records name.
        let weight = Weight::of(stage.mode, explanation.rule.as_deref() != Some("default"));
        let lets_pass = explanation.allowed && explanation.rule.is_some() && weight >= self.weight;
        if lets_pass {
            self.weight = weight;
        }
        if ends || lets_pass {
            self.plugin = Some(plugin);
            self.rule = explanation.rule;
            self.code = explanation.code;
            self.code_name = explanation.code_name;
            self.text = explanation.text;
        }
        ends
    }

    /// Adds what a stage without an order of rules says; true if that ends the request's way.
    fn add_stage(&mut self, stage: &Stage, decision: &Decision) -> bool {
        let plugin = stage.plugin.to_string();
        let monitor = stage.mode == Mode::Monitor;
        let Decision::Refuse { rule, code, text } = decision else {
            self.trace.push(Row { plugin, outcome: "passed", monitor, ..Row::default() });
            return false;
        };
        let rule = stage.rules.name(*rule).to_owned();
        self.trace.push(Row {
            plugin: plugin.clone(),
            rule: rule.clone(),
            outcome: "refused",
            monitor,
            detail: Some(text.to_string()),
            ..Row::default()
        });
        if !monitor {
            self.plugin = Some(plugin);
            self.rule = Some(rule);
            self.code = Some(code.0);
            self.code_name = ResultCode::name(*code).map(ToOwned::to_owned);
            self.text = Some(text.to_string());
        }
        !monitor
    }

    /// Names a stage that is not asked.
    fn leave_out(&mut self, stage: &Stage, why: &str) -> bool {
        self.trace.push(Row {
            plugin: stage.plugin.to_string(),
            outcome: "not_asked",
            monitor: stage.mode == Mode::Monitor,
            detail: Some(why.to_owned()),
            ..Row::default()
        });
        false
    }
}
