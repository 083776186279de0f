//! The check of an encoded filter against the grammar, without building it.
//!
//! It runs for every search, so it keeps nothing but the ends of the sets that are open. It does not know attributes
//! or matching rules; [`crate::filter`] makes the tree.
//!
//! ```text
//! Filter ::= CHOICE {
//!      and             [0] SET SIZE (1..MAX) OF filter Filter,
//!      or              [1] SET SIZE (1..MAX) OF filter Filter,
//!      not             [2] Filter,
//!      equalityMatch   [3] AttributeValueAssertion,
//!      substrings      [4] SubstringFilter,
//!      greaterOrEqual  [5] AttributeValueAssertion,
//!      lessOrEqual     [6] AttributeValueAssertion,
//!      present         [7] AttributeDescription,
//!      approxMatch     [8] AttributeValueAssertion,
//!      extensibleMatch [9] MatchingRuleAssertion,
//!      ...  }
//! SubstringFilter ::= SEQUENCE {
//!      type           AttributeDescription,
//!      substrings     SEQUENCE SIZE (1..MAX) OF substring CHOICE {
//!           initial [0] AssertionValue,  -- can occur at most once
//!           any     [1] AssertionValue,
//!           final   [2] AssertionValue } -- can occur at most once
//!      }
//! MatchingRuleAssertion ::= SEQUENCE {
//!      matchingRule    [1] MatchingRuleId OPTIONAL,
//!      type            [2] AttributeDescription OPTIONAL,
//!      matchValue      [3] AssertionValue,
//!      dnAttributes    [4] BOOLEAN DEFAULT FALSE }
//! ```
//!
//! RFC 4526 allows `and` and `or` without members: absolute true and false.

use ostiary_ber::{Error, ErrorKind, Reader};
use smallvec::SmallVec;

use super::list::attribute_description;
use super::request::CheckError;

/// The tags of the filter choices.
pub(crate) mod choice {
    pub const AND: u8 = 0xa0;
    pub const OR: u8 = 0xa1;
    pub const NOT: u8 = 0xa2;
    pub const EQUALITY_MATCH: u8 = 0xa3;
    pub const SUBSTRINGS: u8 = 0xa4;
    pub const GREATER_OR_EQUAL: u8 = 0xa5;
    pub const LESS_OR_EQUAL: u8 = 0xa6;
    pub const PRESENT: u8 = 0x87;
    pub const APPROX_MATCH: u8 = 0xa8;
    pub const EXTENSIBLE_MATCH: u8 = 0xa9;
    /// The parts of a substring filter.
    pub const INITIAL: u8 = 0x80;
    pub const ANY: u8 = 0x81;
    pub const FINAL: u8 = 0x82;
    /// The parts of an extensible match.
    pub const MATCHING_RULE: u8 = 0x81;
    pub const TYPE: u8 = 0x82;
    pub const MATCH_VALUE: u8 = 0x83;
    pub const DN_ATTRIBUTES: u8 = 0x84;
}

/// How large a filter may be.
///
/// Nesting is what overran the stacks of `OpenLDAP` (CVE-2020-12243) and Samba (CVE-2020-10704); breadth is what a
/// small message turns into much work with. A single item has depth 1 and one node; each part of a substring
/// filter counts as a node too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterLimits {
    /// How deep `and`, `or` and `not` may nest, the innermost item included.
    pub depth: usize,
    /// How many filters and substring parts it may have in all.
    pub nodes: usize,
}

impl Default for FilterLimits {
    fn default() -> Self {
        Self { depth: 64, nodes: 4_096 }
    }
}

/// What is left of an `and` or `or`, or the one member of a `not`.
type Open<'a> = Reader<'a>;

/// Checks the filter that `body` has next, and gives its bytes.
#[inline]
pub(crate) fn check_filter<'a>(body: &mut Reader<'a>, limits: &FilterLimits) -> Result<&'a [u8], CheckError> {
    let before = body.rest();
    let mut nodes = limits.nodes;
    if !check_one(body, limits.depth, &mut nodes)? {
        check_nested(before, body, limits, &mut nodes)?;
    }
    let length = before.len().saturating_sub(body.rest().len());
    Ok(before.get(..length).unwrap_or_default())
}

/// The bytes of the filter that `body` has next, which was checked before.
#[inline]
pub(crate) fn checked_filter<'a>(body: &mut Reader<'a>) -> Result<&'a [u8], CheckError> {
    let before = body.rest();
    body.read_any_reader("searchRequest.filter")?;
    let length = before.len().saturating_sub(body.rest().len());
    Ok(before.get(..length).unwrap_or_default())
}

/// Checks the next filter if it is a single item; false, and nothing read, if it has filters in it.
#[inline]
fn check_one(reader: &mut Reader<'_>, depth: usize, nodes: &mut usize) -> Result<bool, CheckError> {
    if matches!(reader.peek_tag(), Some(choice::AND | choice::OR | choice::NOT)) {
        return Ok(false);
    }
    if depth == 0 {
        return Err(CheckError::FilterTooDeep);
    }
    spend(nodes)?;
    check_item(reader, nodes)?;
    Ok(true)
}

/// Checks a filter that has filters in it, keeping the open ones on a stack of at most `limits.depth`.
fn check_nested<'a>(
    before: &'a [u8],
    body: &mut Reader<'a>,
    limits: &FilterLimits,
    nodes: &mut usize,
) -> Result<(), CheckError> {
    debug_assert_eq!(before.len(), body.rest().len());
    let mut open: SmallVec<[Open<'a>; 8]> = SmallVec::new();
    let mut current = open_filter(body, nodes)?;
    loop {
        // `current` is at depth `open.len() + 1`, its members one deeper.
        let depth = limits.depth.saturating_sub(open.len().saturating_add(1));
        if current.is_empty() {
            match open.pop() {
                Some(parent) => current = parent,
                None => return Ok(()),
            }
        } else if !check_one(&mut current, depth, nodes)? {
            if depth == 0 {
                return Err(CheckError::FilterTooDeep);
            }
            let inner = open_filter(&mut current, nodes)?;
            open.push(core::mem::replace(&mut current, inner));
        }
    }
}

/// Opens an `and`, `or` or `not`. That a `not` has exactly one member is checked here, by its length.
fn open_filter<'a>(reader: &mut Reader<'a>, nodes: &mut usize) -> Result<Reader<'a>, CheckError> {
    spend(nodes)?;
    let (tag, inner) = reader.read_any_reader("searchRequest.filter")?;
    if tag == choice::NOT {
        let mut rest = inner;
        rest.read_any("searchRequest.filter.not")?;
        rest.finish("searchRequest.filter.not")?;
    }
    Ok(inner)
}

#[inline]
fn spend(nodes: &mut usize) -> Result<(), CheckError> {
    *nodes = nodes.checked_sub(1).ok_or(CheckError::FilterTooWide)?;
    Ok(())
}

#[inline]
fn check_item(reader: &mut Reader<'_>, nodes: &mut usize) -> Result<(), CheckError> {
    let offset = reader.offset();
    let (tag, mut item) = reader.read_any_reader("searchRequest.filter")?;
    match tag {
        choice::EQUALITY_MATCH | choice::GREATER_OR_EQUAL | choice::LESS_OR_EQUAL | choice::APPROX_MATCH => {
            attribute_description("searchRequest.filter.attributeDesc", &mut item)?;
            item.octet_string("searchRequest.filter.assertionValue")?;
            item.finish("searchRequest.filter")?;
        }
        choice::PRESENT if item.is_empty() => {
            return Err(invalid("searchRequest.filter.present", offset, EMPTY_DESCRIPTION).into());
        }
        choice::PRESENT => {}
        choice::SUBSTRINGS => check_substrings(item, nodes)?,
        choice::EXTENSIBLE_MATCH => check_extensible(item)?,
        _ => {
            let kind = ErrorKind::UnknownChoice { tag };
            return Err(Error::new("searchRequest.filter", offset, kind).into());
        }
    }
    Ok(())
}

const EMPTY_DESCRIPTION: &str = "empty attribute description";

fn check_substrings(mut item: Reader<'_>, nodes: &mut usize) -> Result<(), CheckError> {
    const FIELD: &str = "searchRequest.filter.substrings";
    attribute_description("searchRequest.filter.substrings.type", &mut item)?;
    let offset = item.offset();
    let mut parts = item.read_reader(FIELD, ostiary_ber::tag::SEQUENCE)?;
    item.finish(FIELD)?;
    if parts.is_empty() {
        return Err(invalid(FIELD, offset, "no substring").into());
    }
    let mut first = true;
    let mut ended = false;
    while !parts.is_empty() {
        spend(nodes)?;
        let offset = parts.offset();
        let (tag, _) = parts.read_any(FIELD)?;
        match tag {
            choice::INITIAL if first => {}
            choice::INITIAL => return Err(invalid(FIELD, offset, "initial is not first").into()),
            choice::ANY | choice::FINAL if ended => {
                return Err(invalid(FIELD, offset, "final is not last").into());
            }
            choice::ANY => {}
            choice::FINAL => ended = true,
            _ => return Err(Error::new(FIELD, offset, ErrorKind::UnknownChoice { tag }).into()),
        }
        first = false;
    }
    Ok(())
}

fn check_extensible(mut item: Reader<'_>) -> Result<(), Error> {
    const FIELD: &str = "searchRequest.filter.extensibleMatch";
    let offset = item.offset();
    let rule = item.read_optional(FIELD, choice::MATCHING_RULE)?;
    let description = item.read_optional(FIELD, choice::TYPE)?;
    match (rule, description) {
        (None, None) => return Err(invalid(FIELD, offset, "neither matching rule nor type")),
        (Some([]), _) => return Err(invalid(FIELD, offset, "empty matching rule")),
        (_, Some([])) => return Err(invalid(FIELD, offset, EMPTY_DESCRIPTION)),
        _ => {}
    }
    item.read("searchRequest.filter.extensibleMatch.matchValue", choice::MATCH_VALUE)?;
    if item.peek_tag() == Some(choice::DN_ATTRIBUTES) {
        let field = "searchRequest.filter.extensibleMatch.dnAttributes";
        item.boolean_tagged(field, choice::DN_ATTRIBUTES)?;
    }
    item.finish(FIELD)
}

#[cold]
fn invalid(field: &'static str, offset: usize, rule: &'static str) -> Error {
    Error::new(field, offset, ErrorKind::Invalid(rule))
}
