//! `SearchRequest`, checked to its last filter item; the filter stays encoded until somebody wants the tree.
//!
//! It does not know what a base or an attribute selector means; [`crate::dn`] and [`crate::attribute`] do.
//!
//! ```text
//! SearchRequest ::= [APPLICATION 3] SEQUENCE {
//!      baseObject      LDAPDN,
//!      scope           ENUMERATED { baseObject (0), singleLevel (1), wholeSubtree (2), ... },
//!      derefAliases    ENUMERATED { neverDerefAliases (0), derefInSearching (1),
//!           derefFindingBaseObj (2), derefAlways (3) },
//!      sizeLimit       INTEGER (0 ..  maxInt),
//!      timeLimit       INTEGER (0 ..  maxInt),
//!      typesOnly       BOOLEAN,
//!      filter          Filter,
//!      attributes      AttributeSelection }
//! AttributeSelection ::= SEQUENCE OF selector LDAPString
//! ```

use core::fmt;

use ostiary_ber::{Reader, tag};

use super::filter_check::{FilterLimits, check_filter, checked_filter};
use super::list::OctetStrings;
use super::request::CheckError;

const MAX_INT: i64 = i32::MAX as i64;

/// How far below its base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The base alone.
    BaseObject,
    /// The entries right below the base.
    SingleLevel,
    /// The base and everything below it.
    WholeSubtree,
    /// Everything below the base (draft-sermersheim-ldap-subordinate-scope).
    SubordinateSubtree,
}

/// When a search follows aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DerefAliases {
    /// Never.
    NeverDerefAliases,
    /// Below the base.
    DerefInSearching,
    /// At the base.
    DerefFindingBaseObj,
    /// At the base and below it.
    DerefAlways,
}

impl Scope {
    fn from_number(number: i64) -> Self {
        match number {
            0 => Self::BaseObject,
            1 => Self::SingleLevel,
            2 => Self::WholeSubtree,
            _ => Self::SubordinateSubtree,
        }
    }

    /// The number of the ENUMERATED.
    pub fn number(self) -> i64 {
        match self {
            Self::BaseObject => 0,
            Self::SingleLevel => 1,
            Self::WholeSubtree => 2,
            Self::SubordinateSubtree => 3,
        }
    }
}

impl DerefAliases {
    fn from_number(number: i64) -> Self {
        match number {
            0 => Self::NeverDerefAliases,
            1 => Self::DerefInSearching,
            2 => Self::DerefFindingBaseObj,
            _ => Self::DerefAlways,
        }
    }

    /// The number of the ENUMERATED.
    pub fn number(self) -> i64 {
        match self {
            Self::NeverDerefAliases => 0,
            Self::DerefInSearching => 1,
            Self::DerefFindingBaseObj => 2,
            Self::DerefAlways => 3,
        }
    }
}

/// A request to search.
#[derive(Clone, Copy)]
pub struct SearchRequest<'a> {
    /// The DN where the search starts.
    pub base_object: &'a [u8],
    /// How far below it looks.
    pub scope: Scope,
    /// When it follows aliases.
    pub deref_aliases: DerefAliases,
    /// How many entries at most; 0 is no limit.
    pub size_limit: u32,
    /// How many seconds at most; 0 is no limit.
    pub time_limit: u32,
    /// Whether the values are left out of the result.
    pub types_only: bool,
    /// The filter, one whole element.
    pub filter: &'a [u8],
    /// The attribute selectors; none asks for all user attributes.
    pub attributes: OctetStrings<'a>,
}

impl<'a> SearchRequest<'a> {
    /// With no limits, filter and selectors were checked before.
    #[inline]
    pub(crate) fn check(mut body: Reader<'a>, limits: Option<&FilterLimits>) -> Result<Self, CheckError> {
        let base_object = body.octet_string("searchRequest.baseObject")?;
        let scope = body.enumerated("searchRequest.scope", 0..=3)?;
        let deref_aliases = body.enumerated("searchRequest.derefAliases", 0..=3)?;
        let size_limit = body.integer("searchRequest.sizeLimit", 0..=MAX_INT)?;
        let time_limit = body.integer("searchRequest.timeLimit", 0..=MAX_INT)?;
        let types_only = body.boolean("searchRequest.typesOnly")?;
        let filter = match limits {
            Some(limits) => check_filter(&mut body, limits)?,
            None => checked_filter(&mut body)?,
        };
        let attributes = body.read_reader("searchRequest.attributes", tag::SEQUENCE)?;
        let attributes = match limits {
            Some(_) => OctetStrings::check("searchRequest.attributes", attributes)?,
            None => OctetStrings::trust(attributes),
        };
        body.finish("searchRequest")?;
        Ok(Self {
            base_object,
            scope: Scope::from_number(scope),
            deref_aliases: DerefAliases::from_number(deref_aliases),
            size_limit: u32::try_from(size_limit).unwrap_or_default(),
            time_limit: u32::try_from(time_limit).unwrap_or_default(),
            types_only,
            filter,
            attributes,
        })
    }
}

impl fmt::Debug for SearchRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A filter may test a password: its length is all that is shown. Selectors are names, and shown.
        let attributes: Vec<_> = self.attributes.map(String::from_utf8_lossy).collect();
        f.debug_struct("SearchRequest")
            .field("base_object", &String::from_utf8_lossy(self.base_object))
            .field("scope", &self.scope)
            .field("deref_aliases", &self.deref_aliases)
            .field("size_limit", &self.size_limit)
            .field("time_limit", &self.time_limit)
            .field("types_only", &self.types_only)
            .field("filter_bytes", &self.filter.len())
            .field("attributes", &attributes)
            .finish()
    }
}
