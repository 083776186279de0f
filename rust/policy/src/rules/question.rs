//! What rules are asked about: a request, or the reading that a control of a write amounts to.
//!
//! It does not know rules. Both kinds answer the same questions, so that one evaluation serves for both.

use core::cell::OnceCell;

use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{Authentication, BindRequest, Operation, RequestKind, Scope};

use super::shape::fingerprint;
use crate::asked::{Asked, Selectors, Touched, Unreadable};
use crate::controls::{Concern, is_of_session};
use crate::who::Who;

/// What rules are asked about.
pub(crate) struct Question<'q, 'a> {
    source: Source<'q, 'a>,
    fingerprint: OnceCell<Option<u64>>,
}

#[derive(Clone, Copy)]
enum Source<'q, 'a> {
    /// A request, sent by somebody.
    Request(&'q Asked<'a>, &'q Who),
    /// A search of one entry for these attributes, by a filter if there is one.
    Reading(&'q Dn, &'q Selectors, Option<&'q Filter>),
}

impl<'q, 'a> Question<'q, 'a> {
    /// A request of somebody who proved to be `proved`.
    pub(crate) fn request(asked: &'q Asked<'a>, proved: &'q Who) -> Self {
        Self { source: Source::Request(asked, proved), fingerprint: OnceCell::new() }
    }

    /// The reading of `selectors` from one entry. Without a filter, none is asked about.
    pub(crate) fn reading(target: &'q Dn, selectors: &'q Selectors, filter: Option<&'q Filter>) -> Self {
        Self { source: Source::Reading(target, selectors, filter), fingerprint: OnceCell::new() }
    }

    pub(crate) fn kind(&self) -> RequestKind {
        match self.source {
            Source::Request(asked, _) => asked.kind(),
            Source::Reading(..) => RequestKind::Search,
        }
    }

    /// The operation of a request.
    pub(crate) fn operation(&self) -> Option<&'q Operation<'a>> {
        match self.source {
            Source::Request(asked, _) => Some(&asked.request().operation),
            Source::Reading(..) => None,
        }
    }

    pub(crate) fn target(&self) -> Result<Option<&'q Dn>, Unreadable> {
        match self.source {
            Source::Request(asked, proved) => asked.target_of(proved),
            Source::Reading(target, ..) => Ok(Some(target)),
        }
    }

    pub(crate) fn destination(&self) -> Result<Option<&'q Dn>, Unreadable> {
        match self.source {
            Source::Request(asked, _) => asked.destination(),
            Source::Reading(..) => Ok(None),
        }
    }

    /// The scope of a search.
    pub(crate) fn scope(&self) -> Option<Scope> {
        match (self.source, self.operation()) {
            (Source::Reading(..), _) => Some(Scope::BaseObject),
            (_, Some(Operation::Search(search))) => Some(search.scope),
            _ => None,
        }
    }

    /// The filter of a search; none where no filter is asked about.
    pub(crate) fn filter(&self) -> Result<Option<&'q Filter>, Unreadable> {
        match self.source {
            Source::Request(asked, _) => asked.filter(),
            Source::Reading(_, _, filter) => Ok(filter),
        }
    }

    /// The fingerprint of the filter.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        *self.fingerprint.get_or_init(|| match self.source {
            Source::Request(asked, _) => asked.fingerprint(),
            Source::Reading(_, _, filter) => filter.map(|filter| fingerprint(filter.root())),
        })
    }

    /// What a search wants to see.
    pub(crate) fn selectors(&self) -> Option<&'q Selectors> {
        match self.source {
            Source::Request(asked, _) => asked.selectors(),
            Source::Reading(_, selectors, _) => Some(selectors),
        }
    }

    pub(crate) fn touched(&self) -> Result<&'q [Touched], Unreadable> {
        match self.source {
            Source::Request(asked, _) => asked.touched(),
            Source::Reading(..) => Ok(&[]),
        }
    }

    pub(crate) fn concerns(&self) -> &'q [Result<Concern, Unreadable>] {
        match self.source {
            Source::Request(asked, _) if !asked.request().controls.is_empty() => asked.concerns(),
            _ => &[],
        }
    }

    /// Whether a control shows other entries than those that are asked for.
    pub(crate) fn shows_other_entries(&self) -> bool {
        self.concerns().contains(&Ok(Concern::OtherEntries))
    }

    /// The object identifiers of the controls.
    pub(crate) fn controls(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let controls = match self.source {
            Source::Request(asked, _) => Some(asked.request().controls),
            Source::Reading(..) => None,
        };
        controls.into_iter().flatten().map(|control| control.control_type)
    }

    pub(crate) fn bind(&self) -> Option<&'q BindRequest<'a>> {
        match self.operation() {
            Some(Operation::Bind(bind)) => Some(bind),
            _ => None,
        }
    }

    /// The object identifier of an extended operation.
    pub(crate) fn extended(&self) -> Option<&'a [u8]> {
        match self.operation() {
            Some(Operation::Extended { name, .. }) => Some(name),
            _ => None,
        }
    }

    /// Whether this is never judged by rules: Unbind and Abandon have no answer, other things are the session's affair.
    pub(crate) fn is_exempt(&self) -> bool {
        match self.kind() {
            RequestKind::Unbind | RequestKind::Abandon => true,
            RequestKind::Extended => self.extended().is_some_and(is_of_session),
            _ => false,
        }
    }
}

/// The mechanism of a bind: a SASL mechanism's own name, or a word for the other ways.
pub(crate) fn mechanism<'a>(bind: &BindRequest<'a>) -> &'a [u8] {
    match bind.authentication {
        Authentication::Simple(_) => b"simple",
        Authentication::Sasl { mechanism, .. } => mechanism,
        Authentication::Sicily { .. } => b"sicily",
        // No mechanism has an empty name, so no rule lists it.
        Authentication::Other { .. } => b"",
    }
}

/// The attributes that a filter tests; none if an item of it tests whatever there is.
pub(crate) fn tested(filter: &Filter) -> Option<Vec<(AttributeDescription, Box<[u8]>)>> {
    filter.items().map(|item| item.attribute().map(|attribute| (attribute.clone(), Box::default()))).collect()
}
