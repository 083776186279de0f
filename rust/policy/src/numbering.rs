//! The rules of a policy by number: what counts decisions has a place for each before any is taken.

use crate::chain::{Policy, Rules, Stage, Told};
use crate::decision::Verdict;
use crate::guard::RULE_NAMES;

/// Plugin and rule of every number that [`Policy::number`] gives, in their order.
pub(crate) fn rules(stages: &[Stage]) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for stage in stages {
        // What decides where no rule matched comes first.
        let numbers = core::iter::once(None).chain((0..stage.rules.count()).map(Some));
        found.extend(numbers.map(|rule| (&*stage.plugin, stage.rules.name(rule))));
    }
    found
}

impl Policy {
    /// The number of the rule that decided other than to let pass; none for one that allowed.
    pub fn number(&self, told: &Told) -> Option<usize> {
        if told.verdict == Verdict::Allowed || told.stage >= self.stages.len() {
            return None;
        }
        let before = self.stages.iter().take(told.stage);
        let first =
            before.fold(0_usize, |sum, stage| sum.saturating_add(usize::from(stage.rules.count())).saturating_add(1));
        Some(first.saturating_add(told.rule.map_or(0, |rule| usize::from(rule).saturating_add(1))))
    }
}

impl Rules {
    /// How many rules there are, each with a number from 0 on.
    fn count(&self) -> u16 {
        let count = match self {
            Self::AllowList(rules) => rules.rules().count(),
            Self::Limits(rules) => rules.rules().count(),
            Self::RateLimit(rules) => rules.rule_names().count(),
            Self::BindGuard(_) => RULE_NAMES.len(),
            Self::Redact(rules) => rules.rule_names().count(),
            Self::Hook(_) => 0,
        };
        u16::try_from(count).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use crate::chain::{Policy, Told};
    use crate::decision::{Mode, Verdict};

    #[test]
    fn every_rule_has_a_number_of_its_own() {
        let spec = r#"{"stages": [
            {"plugin": "first", "rules": {"allow_list": {"default": "deny", "rules": [{"name": "a"}, {"name": "b"}]}}},
            {"plugin": "asked", "rules": {"hook": {"operations": ["bind"]}}},
            {"plugin": "guard", "rules": {"bind_guard": {}}},
            {"plugin": "rate", "rules": {"rate_limit": {"limits": [{"name": "c", "operations": ["bind"], "key": ["client"], "rate": "1/s"}]}}}
        ]}"#;
        let policy = Policy::compile(&serde_json::from_str(spec).unwrap(), [1; 16]).unwrap();
        let rules = super::rules(&policy.stages);
        for (stage, rule, named) in [
            (0, None, ("first", "default")),
            (1, None, ("asked", "hook")),
            (0, Some(0), ("first", "a")),
            (0, Some(1), ("first", "b")),
            (2, Some(0), ("guard", "lockout_pair")),
            (3, Some(0), ("rate", "c")),
        ] {
            let told = Told { stage, rule, verdict: Verdict::Refused, mode: Mode::Enforce, code: None };
            assert_eq!(rules[policy.number(&told).unwrap()], named);
            assert_eq!(policy.names(&told), named);
            assert_eq!(policy.number(&Told { verdict: Verdict::Allowed, ..told }), None);
        }
    }
}
