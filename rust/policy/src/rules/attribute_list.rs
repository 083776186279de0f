//! Lists of attributes: what may be asked for or touched, and how a search is cut down to it.
//!
//! A list covers the options of its names, never subtypes or supertypes, which a schema would have to know. Where a
//! rule allows, everything asked for must be covered; where it denies, one attribute that is listed is enough, or one
//! that is known to be a kind of it, or that it is a kind of, and so is asking for all attributes of a kind that it may
//! be of.

use ostiary_ldap::attribute::{AttributeDescription, AttributeType};

use super::operational::is_operational;
use super::truth::Truth;
use crate::asked::Selectors;

/// Whether two descriptions have something in common, or may have: options apart, one type a kind of the other, or a
/// number that may be the other's. To ask for `name` is to ask for `cn` too.
pub(crate) fn overlap(one: &AttributeDescription, other: &AttributeDescription) -> bool {
    let (first, second) = (one.attribute_type(), other.attribute_type());
    one.covers(other)
        || other.covers(one)
        || (first != second && (first.is_kind_of(second) || second.is_kind_of(first)))
        || may_name(first, second)
        || may_name(second, first)
}

/// Whether `number` is an object identifier outside the table of names, and `name` one whose own is not in it either:
/// they may be one type.
fn may_name(number: &AttributeType, name: &AttributeType) -> bool {
    let is_number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    is_number(number.as_str()) && !name.spellings().any(is_number)
}

/// The attributes of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeList {
    /// `*`: all user attributes.
    pub(crate) all_user: bool,
    /// `+`: all operational attributes.
    pub(crate) all_operational: bool,
    /// By name, with the spelling of the configuration.
    pub(crate) named: Vec<(AttributeDescription, Box<str>)>,
}

impl AttributeList {
    /// Whether everything that `asked` says is in the list.
    pub(crate) fn covers(&self, asked: &AttributeDescription) -> bool {
        let by_kind = || match asked.attribute_type() {
            // An object identifier outside the table of names may be anything's.
            number if number.as_str().starts_with(|first: char| first.is_ascii_digit()) => {
                self.all_user && self.all_operational
            }
            operational if is_operational(operational) => self.all_operational,
            _ => self.all_user,
        };
        self.named.iter().any(|(listed, _)| listed.covers(asked))
            || ((self.all_user || self.all_operational) && by_kind())
    }

    /// Whether something that `asked` says is listed by name.
    pub(crate) fn touches(&self, asked: &AttributeDescription) -> bool {
        self.named.iter().any(|(listed, _)| overlap(listed, asked))
    }

    /// Whether everything that is asked for is in the list.
    pub(crate) fn covers_selectors(&self, asked: &Selectors) -> Truth {
        let covered = asked.odd == 0
            && (self.all_user || !asked.all_user)
            && (self.all_operational || !asked.all_operational)
            && asked.named.iter().all(|(asked, _)| self.covers(asked));
        covered.into()
    }

    /// Whether anything that is asked for is in the list. Who asks for all attributes of a kind asks for each that is
    /// listed and may be of it; a listed `*` or `+` stands for itself, as a name that is asked for is not all there is.
    pub(crate) fn touches_selectors(&self, asked: &Selectors) -> Truth {
        let user = || self.all_user || self.named.iter().any(|(listed, _)| !is_operational(listed.attribute_type()));
        // Any attribute may be operational on some server.
        let operational = || self.all_operational || !self.named.is_empty();
        if (asked.all_user && user())
            || (asked.all_operational && operational())
            || asked.named.iter().any(|(asked, _)| self.touches(asked))
        {
            Truth::Yes
        } else if asked.odd > 0 {
            Truth::Unreadable
        } else {
            Truth::No
        }
    }

    /// What is left of `asked`, to be asked for in its place; none if all of it is in the list.
    ///
    /// Of a name that is not covered, those listed descriptions stay that it covers (`cn;lang-de` of `cn`). In the
    /// place of all attributes stand those that are listed.
    pub(crate) fn narrow(&self, asked: &Selectors) -> Option<Vec<Box<str>>> {
        if self.covers_selectors(asked) == Truth::Yes {
            return None;
        }
        let mut kept: Vec<(&AttributeDescription, Box<str>)> = Vec::new();
        let mut keep = |description, text: &str| {
            if !kept.iter().any(|(already, _)| *already == description) {
                kept.push((description, text.into()));
            }
        };
        for (description, text) in &asked.named {
            if self.covers(description) {
                keep(description, &String::from_utf8_lossy(text));
            } else {
                self.named.iter().filter(|(listed, _)| description.covers(listed)).for_each(|(listed, text)| {
                    keep(listed, text);
                });
            }
        }
        let user = asked.all_user && !self.all_user;
        let operational = asked.all_operational && !self.all_operational;
        // Without a schema any name may be of either kind on this server: all of them stand for both.
        if user || operational {
            self.named.iter().for_each(|(listed, text)| keep(listed, text));
        }
        let mut selectors: Vec<Box<str>> = Vec::new();
        selectors.extend((asked.all_user && self.all_user).then(|| "*".into()));
        selectors.extend((asked.all_operational && self.all_operational).then(|| "+".into()));
        selectors.extend(kept.into_iter().map(|(_, text)| text));
        if selectors.is_empty() {
            // No selector would ask for all attributes (RFC 4511 section 4.5.1.8).
            selectors.push("1.1".into());
        }
        Some(selectors)
    }
}
