//! The chain: a request walks the stages in the order of the configuration, and the first refusal ends its way.
//!
//! Each kind of rules decides in its own module. Here is what they have in common: the order, monitor mode, and what
//! is kept for a client as long as its identity stays. What becomes of a decision is the session's to know.

use std::sync::Arc;

use ostiary_arena::{Arena, Layout};
use ostiary_ldap::message::{Operation, RequestKind};
use ostiary_ldap::result::ResultCode;
use smallvec::SmallVec;

use crate::asked::Asked;
use crate::decision::{Decision, Mode, Outcome, SearchEdit, Verdict};
use crate::facts::ClientFacts;
use crate::fault::{Fault, Faults};
use crate::guard::{BindGuard, BindGuardSpec, GuardDecision, GuardTicket};
use crate::limits::Limits;
use crate::numbering::rules;
use crate::rate::{Admission, Keys, RateLimit, Tickets};
use crate::redact::{Redact, Redaction};
use crate::rules::{AllowList, Candidates};
use crate::spec::{Operations, PolicySpec, RulesSpec, StageSpec};
use crate::who::Who;

/// The attributes that servers check simple binds against.
const PASSWORDS: [&str; 2] = ["userpassword", "unicodepwd"];

/// A compiled policy. Shared by all sessions of a worker.
#[derive(Debug)]
pub struct Policy {
    pub(crate) stages: Vec<Stage>,
    arena: Arc<Arena>,
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub plugin: Box<str>,
    pub mode: Mode,
    pub rules: Rules,
}

#[derive(Debug)]
pub(crate) enum Rules {
    AllowList(AllowList),
    Limits(Limits),
    RateLimit(RateLimit),
    BindGuard(BindGuard),
    Redact(Redact),
    Hook(Operations),
}

/// What of a policy applies to one client as long as its identity stays: one for each stage that prepares something.
#[derive(Debug)]
pub struct Standing(Vec<Prepared>);

#[derive(Debug)]
enum Prepared {
    Nothing,
    Candidates(Candidates),
    Keys(Keys),
    /// What is cut out, and what rules in monitor mode would cut out.
    Redaction(Option<Arc<Redaction>>, Option<Arc<Redaction>>),
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What its connection is.
    pub facts: &'a ClientFacts,
    /// Who it has proved to be.
    pub who: &'a Who,
    /// What applies to it.
    pub standing: &'a Standing,
}

/// How far a request came, and what it has with it.
#[derive(Debug, Default)]
pub struct Walk {
    /// The next stage.
    stage: usize,
    /// How a search is to be changed.
    pub edit: SearchEdit,
    /// What it took of limits, to be given back at its end by [`Policy::release`].
    pub tickets: Tickets,
    /// What bind guards want back with the result, by [`Policy::bind_finished`].
    pub guards: Vec<StageTicket>,
    /// What is to be cut out of its responses.
    pub redactions: SmallVec<[Arc<Redaction>; 1]>,
    /// What would be cut out by rules in monitor mode, and whose they are.
    pub watched: Vec<(usize, Arc<Redaction>)>,
    /// What is to be told of the stages since the last look.
    pub told: Vec<Told>,
    /// What let it pass, of several lists the one that says most of it.
    pub allowed: Option<Told>,
}

/// A guard's ticket, and whose it is.
#[derive(Debug)]
pub struct StageTicket {
    stage: usize,
    ticket: GuardTicket,
}

/// A decision that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The stage.
    pub stage: usize,
    /// The rule's place in it; none when nothing matched.
    pub rule: Option<u16>,
    /// What it comes to.
    pub verdict: Verdict,
    /// Whether it happened.
    pub mode: Mode,
    /// The result code of a refused request.
    pub code: Option<ResultCode>,
}

impl Told {
    /// What a hook decided other than to let pass: a refusal with this code, or else the client's end.
    pub fn by_hook(stage: usize, code: Option<ResultCode>) -> Self {
        let verdict = if code.is_some() { Verdict::Refused } else { Verdict::Closed };
        Self { stage, rule: None, verdict, mode: Mode::Enforce, code }
    }
}

impl Walk {
    /// A list lets the request pass, by this rule of its own or as none is about it.
    fn allow(&mut self, stage: usize, rule: Option<u16>, mode: Mode) {
        let weight = Weight::of(mode, rule.is_some());
        if self.allowed.is_none_or(|before| weight >= Weight::of(before.mode, before.rule.is_some())) {
            self.allowed = Some(Told { stage, rule, verdict: Verdict::Allowed, mode, code: None });
        }
    }
}

/// How much it says of a request that a list lets it pass: what is in force says more than what is tried, and a rule
/// that somebody wrote for such requests more than that there is none. Of equals the last one is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight {
    is_in_force: bool,
    has_rule: bool,
}

impl Weight {
    pub(crate) fn of(mode: Mode, has_rule: bool) -> Self {
        Self { is_in_force: mode == Mode::Enforce, has_rule }
    }
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It goes upstream.
    Pass,
    /// It is answered here.
    Refuse {
        /// The result code.
        code: ResultCode,
        /// The diagnostic message.
        text: Arc<str>,
        /// After how long: a refused guess takes as long as the server would.
        seconds: f64,
    },
    /// The client is told and closed.
    Close,
    /// It waits, then walks on.
    Delay {
        /// For how long.
        seconds: f64,
    },
    /// A hook is asked, then it walks on.
    Hold {
        /// The hook's stage.
        stage: usize,
    },
}

/// Whether a client may connect.
#[derive(Debug)]
pub enum Entry {
    /// It may; the tickets are to be given back when it goes. What rules in monitor mode say is told.
    Admitted(Tickets, Vec<Told>),
    /// It may not: plugin and rule.
    Refused(Told),
}

impl Policy {
    /// Compiles a policy, or tells every fault with its stage. `key` is random, and the same in all processes that
    /// share a policy's tables.
    pub fn compile(spec: &PolicySpec, key: [u8; 16]) -> Result<Self, Vec<(usize, Fault)>> {
        Self::compile_in(spec, |layout, _| Arc::new(Arena::new(key, layout)))
    }

    /// Compiles a policy whose tables are in an arena that is made, or found, when its layout is known, and plugin and
    /// rule of every number.
    pub fn compile_in(
        spec: &PolicySpec,
        arena: impl FnOnce(Layout, Vec<(&str, &str)>) -> Arc<Arena>,
    ) -> Result<Self, Vec<(usize, Fault)>> {
        let mut faults = Vec::new();
        let mut stages = Vec::new();
        for (place, stage) in spec.stages.iter().enumerate() {
            let mut found = Faults::default();
            stages.extend(Stage::compile(stage, &mut found));
            faults.extend(found.into_vec().into_iter().map(|fault| (place, fault)));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let layout = stages.iter().map(|stage| stage.rules.layout()).fold(Layout::default(), Layout::joined);
        let arena = arena(layout, rules(&stages));
        Ok(Self { stages, arena })
    }

    /// What applies to a client with this identity.
    pub fn standing(&self, facts: &ClientFacts, who: &Who) -> Standing {
        let prepare = |stage: &Stage| match &stage.rules {
            Rules::AllowList(rules) => Prepared::Candidates(rules.candidates(facts, who)),
            Rules::RateLimit(rules) => Prepared::Keys(rules.keys(&self.arena, facts, who)),
            Rules::Redact(rules) => {
                let (view, watched) = (rules.view(facts, who), rules.monitored_view(facts, who));
                match stage.mode {
                    Mode::Enforce => Prepared::Redaction(view, watched),
                    Mode::Monitor => Prepared::Redaction(None, watched.or(view)),
                }
            }
            _ => Prepared::Nothing,
        };
        Standing(self.stages.iter().map(prepare).collect())
    }

    /// Whether no stage is left to be asked: it passes.
    #[inline]
    pub fn is_over(&self, walk: &Walk) -> bool {
        walk.stage >= self.stages.len()
    }

    /// Lets a request walk on from where it is.
    pub fn judge(&self, subject: &Subject<'_>, asked: &Asked<'_>, now: f64, walk: &mut Walk) -> Judgement {
        while let Some(stage) = self.stages.get(walk.stage) {
            let place = walk.stage;
            walk.stage = place.saturating_add(1);
            if let Rules::Hook(operations) = &stage.rules {
                if operations.contains(asked.kind()) {
                    return Judgement::Hold { stage: place };
                }
                continue;
            }
            let mut outcome = Outcome::default();
            let (decision, seconds) = self.ask(stage, place, subject, asked, now, walk, &mut outcome);
            walk.told.extend(outcome.notes.drain(..).map(|note| Told {
                stage: place,
                rule: note.rule,
                verdict: if note.code.is_some() { Verdict::Refused } else { Verdict::Allowed },
                mode: Mode::Monitor,
                code: note.code,
            }));
            let (rule, verdict, code) = match &decision {
                Decision::Wait { seconds } => return Judgement::Delay { seconds: *seconds },
                Decision::Pass | Decision::Allow { .. } => {
                    if stage.mode == Mode::Enforce {
                        walk.edit.narrow(outcome.edit);
                    }
                    if let Decision::Allow { rule } = decision {
                        walk.allow(place, rule, stage.mode);
                    }
                    continue;
                }
                Decision::Refuse { rule, code, .. } => (*rule, Verdict::Refused, Some(*code)),
                Decision::Close { rule } => (Some(*rule), Verdict::Closed, None),
                Decision::Delay { rule, .. } => (Some(*rule), Verdict::Delayed, None),
            };
            walk.told.push(Told { stage: place, rule, verdict, mode: stage.mode, code });
            if stage.mode == Mode::Monitor {
                continue;
            }
            if !matches!(decision, Decision::Delay { .. }) {
                self.give_up(walk, now);
            }
            return match decision {
                Decision::Refuse { code, text, .. } => Judgement::Refuse { code, text, seconds },
                Decision::Delay { seconds, .. } => Judgement::Delay { seconds },
                _ => Judgement::Close,
            };
        }
        self.note_password_change(subject.who, asked);
        Judgement::Pass
    }

    /// Guards forget the wrong passwords of whoever is about to get a new one: it may be one of them.
    fn note_password_change(&self, who: &Who, asked: &Asked<'_>) {
        let is_change = match asked.kind() {
            RequestKind::Modify => asked.touched().is_ok_and(|touched| {
                touched.iter().any(|each| PASSWORDS.contains(&each.attribute.attribute_type().as_str()))
            }),
            RequestKind::Extended => asked.is_password_modify(),
            _ => false,
        };
        if is_change && let Ok(Some(target)) = asked.target_of(who) {
            let target = Who::Dn(target.clone());
            for stage in &self.stages {
                if let Rules::BindGuard(rules) = &stage.rules {
                    rules.forget(&self.arena, &target);
                }
            }
        }
    }

    /// Asks one stage; beside a refusal, after how long it is to be given.
    #[expect(clippy::too_many_arguments, reason = "one call, and what it passes on is named")]
    fn ask(
        &self,
        stage: &Stage,
        place: usize,
        subject: &Subject<'_>,
        asked: &Asked<'_>,
        now: f64,
        walk: &mut Walk,
        outcome: &mut Outcome,
    ) -> (Decision, f64) {
        let Subject { facts, who, standing } = *subject;
        let prepared = standing.0.get(place);
        let decision = match &stage.rules {
            Rules::AllowList(rules) => match prepared {
                Some(Prepared::Candidates(candidates)) => rules.judge(candidates, facts, who, asked, outcome),
                _ => rules.judge(&rules.candidates(facts, who), facts, who, asked, outcome),
            },
            Rules::Limits(rules) => rules.judge(facts, who, asked, outcome),
            Rules::RateLimit(rules) => {
                let (arena, tickets) = (&self.arena, &mut walk.tickets);
                match prepared {
                    // A bind counts for whom it asks to be.
                    Some(Prepared::Keys(keys)) if asked.kind() != RequestKind::Bind => {
                        rules.judge_with(arena, keys, asked, now, outcome, tickets)
                    }
                    _ => rules.judge(arena, facts, who, asked, now, outcome, tickets),
                }
            }
            Rules::BindGuard(rules) => return self.guard(rules, place, facts, asked, now, walk, outcome),
            Rules::Redact(rules) => {
                let Some(Prepared::Redaction(view, watched)) = prepared else { return (Decision::Pass, 0.0) };
                if asked.kind() != RequestKind::Bind {
                    walk.redactions.extend(view.clone());
                    walk.watched.extend(watched.clone().map(|watched| (place, watched)));
                }
                rules.judge(facts, who, asked, outcome)
            }
            Rules::Hook(_) => Decision::Pass,
        };
        (decision, 0.0)
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and what it passes on is named")]
    fn guard(
        &self,
        rules: &BindGuard,
        place: usize,
        facts: &ClientFacts,
        asked: &Asked<'_>,
        now: f64,
        walk: &mut Walk,
        outcome: &mut Outcome,
    ) -> (Decision, f64) {
        let Operation::Bind(bind) = &asked.request().operation else { return (Decision::Pass, 0.0) };
        match rules.check(&self.arena, facts, bind, now, outcome) {
            GuardDecision::Pass(ticket) => {
                walk.guards.push(StageTicket { stage: place, ticket });
                (Decision::Pass, 0.0)
            }
            GuardDecision::Wait { seconds } => {
                walk.stage = place;
                (Decision::Wait { seconds }, 0.0)
            }
            GuardDecision::Refuse { rule } => {
                let (code, text) = (ResultCode::INVALID_CREDENTIALS, Arc::from(""));
                (Decision::Refuse { rule: Some(rule), code, text }, rules.refusal_delay(&self.arena))
            }
        }
    }

    /// Whether a client may connect, before any TLS is spent on it.
    pub fn admit(&self, facts: &ClientFacts, now: f64) -> Entry {
        let (mut tickets, mut told) = (Tickets::default(), Vec::new());
        for (place, stage) in self.stages.iter().enumerate() {
            let Rules::RateLimit(rules) = &stage.rules else { continue };
            let tell = |rule, mode| Told { stage: place, rule, verdict: Verdict::Refused, mode, code: None };
            let mut outcome = Outcome::default();
            match rules.admit(&self.arena, facts, now, &mut outcome) {
                Admission::Admitted(more) => tickets.join(more),
                Admission::Refused { rule } if stage.mode == Mode::Enforce => {
                    self.release(&mut tickets);
                    return Entry::Refused(tell(Some(rule), Mode::Enforce));
                }
                Admission::Refused { rule } => told.push(tell(Some(rule), Mode::Monitor)),
            }
            told.extend(outcome.notes.into_iter().map(|note| tell(note.rule, Mode::Monitor)));
        }
        Entry::Admitted(tickets, told)
    }

    /// Gives back what a request or a connection took.
    pub fn release(&self, tickets: &mut Tickets) {
        tickets.release(&self.arena);
    }

    /// Gives back what a request took that will not be served.
    pub fn give_up(&self, walk: &mut Walk, now: f64) {
        self.release(&mut walk.tickets);
        self.bind_finished(&mut walk.guards, None, 0.0, now);
    }

    /// A bind that guards let pass has had its result, after so many seconds; none: it will have none.
    pub fn bind_finished(&self, tickets: &mut Vec<StageTicket>, code: Option<ResultCode>, seconds: f64, now: f64) {
        for StageTicket { stage, ticket } in tickets.drain(..) {
            if let Some(Stage { rules: Rules::BindGuard(rules), .. }) = self.stages.get(stage) {
                match code {
                    Some(code) => rules.finished(&self.arena, ticket, code, seconds, now),
                    None => rules.unanswered(&self.arena, ticket, now),
                }
            }
        }
    }

    /// Whether somebody wants to know how requests of this kind end.
    pub fn observes(&self, kind: RequestKind) -> bool {
        self.stages.iter().any(|stage| match &stage.rules {
            Rules::Hook(operations) => operations.observes(kind),
            _ => false,
        })
    }

    /// Whether hooks are asked, or told of ends.
    pub fn has_hooks(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.rules, Rules::Hook(_)))
    }

    /// Whether any rule limits connections, so that `admit` has to be asked.
    pub fn limits_connections(&self) -> bool {
        self.stages.iter().any(|stage| matches!(&stage.rules, Rules::RateLimit(rules) if rules.limits_connections()))
    }

    /// The names of plugin and rule, for logs.
    pub fn names(&self, told: &Told) -> (&str, &str) {
        self.stages.get(told.stage).map_or(("", ""), |stage| (&stage.plugin, stage.rules.name(told.rule)))
    }

    /// Rules that cannot do what they seem to: stage, rule, and what is wrong.
    pub fn warnings(&self) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        for (place, stage) in self.stages.iter().enumerate() {
            if let Rules::AllowList(rules) = &stage.rules {
                found.extend(rules.warnings().into_iter().map(|warning| (place, warning.rule, warning.message)));
            }
        }
        found
    }
}

impl Rules {
    /// What the rules need of an arena.
    fn layout(&self) -> Layout {
        match self {
            Self::RateLimit(rules) => rules.layout(),
            Self::BindGuard(rules) => rules.layout(),
            _ => Layout::default(),
        }
    }

    pub(crate) fn name(&self, rule: Option<u16>) -> &str {
        match (self, rule) {
            (Self::AllowList(rules), rule) => rules.rule_name(rule),
            (Self::Limits(rules), rule) => rules.rule_name(rule),
            (Self::RateLimit(rules), Some(rule)) => rules.rule_name(rule),
            (Self::BindGuard(_), Some(rule)) => BindGuard::rule_name(rule),
            (Self::Redact(rules), Some(rule)) => rules.rule_name(rule).unwrap_or_default(),
            (Self::Hook(_), _) => "hook",
            _ => "",
        }
    }
}

impl Stage {
    fn compile(stage: &StageSpec, faults: &mut Faults) -> Option<Self> {
        let rules = match &stage.rules {
            RulesSpec::AllowList(spec) => Rules::AllowList(AllowList::compile(spec, faults)?),
            RulesSpec::Limits(spec) => Rules::Limits(Limits::compile(spec, faults)?),
            RulesSpec::RateLimit(spec) => Rules::RateLimit(RateLimit::compile(spec, &stage.plugin, faults)?),
            RulesSpec::BindGuard(spec) => {
                // A guard that only watches has to know how binds end, so it is told itself.
                let mode = if stage.mode == Mode::Monitor { Mode::Monitor } else { spec.mode };
                Rules::BindGuard(BindGuard::compile(&BindGuardSpec { mode, ..spec.clone() }, &stage.plugin, faults)?)
            }
            RulesSpec::Redact(spec) => Rules::Redact(Redact::compile(spec, faults)?),
            RulesSpec::Hook(spec) => Rules::Hook(spec.operations(faults)?),
        };
        Some(Self { plugin: stage.plugin.as_str().into(), mode: stage.mode, rules })
    }
}
