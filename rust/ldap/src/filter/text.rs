//! Filters from their text (RFC 4515).
//!
//! ```text
//! filter         = LPAREN filtercomp RPAREN
//! filtercomp     = and / or / not / item
//! and            = AMPERSAND filterlist                    ; filterlist = *filter (RFC 4526)
//! item           = simple / present / substring / extensible
//! extensible     = ( attr [dnattrs] [matchingrule] COLON EQUALS assertionvalue ) /
//!                  ( [dnattrs] matchingrule COLON EQUALS assertionvalue )
//! valueencoding  = 0*(normal / escaped)                    ; escaped = ESC HEX HEX
//! ```
//!
//! Spaces between filters are skipped, as OpenLDAP's library does; within values they count. Asterisks that follow
//! each other are one.

use super::{Assertion, Builder, Extensible, Filter, FilterError, FilterLimits, Item, SetKind, Substrings};
use crate::attribute::{AttributeDescription, fold_oid};
use crate::dn::hex_octet;

impl Filter {
    /// The filter that `text` spells.
    pub fn parse(text: &str, limits: &FilterLimits) -> Result<Self, FilterError> {
        let mut cursor = Cursor { rest: text.as_bytes(), length: text.len() };
        let mut builder = Builder::new(limits);
        // Per open set: whether it is a `not`, and whether it has a member yet.
        let mut open: Vec<(SetKind, bool)> = Vec::new();
        loop {
            cursor.skip_spaces();
            match (cursor.peek(), open.last_mut()) {
                (Some(b')'), Some((SetKind::Not, false))) => return Err(cursor.expected("(")),
                (Some(b')'), Some(_)) => {
                    cursor.next();
                    builder.end();
                    open.pop();
                }
                (Some(b'('), Some((SetKind::Not, true))) => return Err(cursor.expected(")")),
                (Some(b'('), parent) => {
                    if let Some((_, has_member)) = parent {
                        *has_member = true;
                    }
                    cursor.next();
                    cursor.skip_spaces();
                    let kind = match cursor.peek() {
                        Some(b'&') => SetKind::And,
                        Some(b'|') => SetKind::Or,
                        Some(b'!') => SetKind::Not,
                        _ => {
                            builder.item(cursor.item()?)?;
                            if open.is_empty() {
                                break;
                            }
                            continue;
                        }
                    };
                    cursor.next();
                    builder.begin(kind)?;
                    open.push((kind, false));
                    continue;
                }
                _ => return Err(cursor.expected(if open.is_empty() { "(" } else { "( or )" })),
            }
            if open.is_empty() {
                break;
            }
        }
        cursor.skip_spaces();
        if cursor.rest.is_empty() { Ok(builder.finish()) } else { Err(cursor.expected("end")) }
    }
}

/// What is left of the text.
struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Cursor<'_> {
    fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.next();
        }
    }

    fn expected(&self, expected: &'static str) -> FilterError {
        FilterError::Syntax { offset: self.offset(), expected }
    }

    /// An item behind its opening parenthesis, up to and with the closing one.
    fn item(&mut self) -> Result<Item, FilterError> {
        let offset = self.offset();
        let Some(end) = self.rest.iter().position(|octet| matches!(octet, b'=' | b'(' | b')')) else {
            return Err(self.expected("="));
        };
        let (left, value) = self.rest.split_at(end);
        self.rest = value;
        if self.peek() != Some(b'=') {
            return Err(self.expected("="));
        }
        self.next();
        let item = match left {
            [name @ .., b'>'] => Item::GreaterOrEqual(self.assertion(offset, name)?),
            [name @ .., b'<'] => Item::LessOrEqual(self.assertion(offset, name)?),
            [name @ .., b'~'] => Item::Approx(self.assertion(offset, name)?),
            [names @ .., b':'] => Item::Extensible(self.extensible(offset, names)?),
            name => self.equality(offset, name)?,
        };
        match self.next() {
            Some(b')') => Ok(item),
            _ => Err(self.expected(")")),
        }
    }

    fn assertion(&mut self, offset: usize, name: &[u8]) -> Result<Assertion, FilterError> {
        let attribute = description(offset, name)?;
        Ok(Assertion { attribute, value: self.value()?.into() })
    }

    /// What follows a plain `=`: a value, an asterisk, or parts between asterisks.
    fn equality(&mut self, offset: usize, name: &[u8]) -> Result<Item, FilterError> {
        let attribute = description(offset, name)?;
        let first = self.value()?;
        if self.peek() != Some(b'*') {
            return Ok(Item::Equality(Assertion { attribute, value: first.into() }));
        }
        let part = |octets: Vec<u8>| (!octets.is_empty()).then(|| octets.into_boxed_slice());
        let initial = part(first);
        let (mut any, mut last, mut asterisks) = (Vec::new(), None, 0_usize);
        while self.peek() == Some(b'*') {
            self.next();
            asterisks = asterisks.saturating_add(1);
            any.extend(last.take());
            last = part(self.value()?);
        }
        if initial.is_some() || last.is_some() || !any.is_empty() {
            return Ok(Item::Substrings(Substrings { attribute, initial, any, last }));
        }
        if asterisks > 1 {
            return Err(FilterError::EmptySubstring);
        }
        Ok(Item::Present(attribute))
    }

    /// `names` is what stands before `:=`.
    fn extensible(&mut self, offset: usize, names: &[u8]) -> Result<Extensible, FilterError> {
        let mut parts = names.split(|&octet| octet == b':');
        let attribute = match parts.next() {
            None | Some([]) => None,
            Some(name) => Some(description(offset, name)?),
        };
        let mut rule = parts.next();
        let dn_attributes = rule.is_some_and(|part| part.eq_ignore_ascii_case(b"dn"));
        if dn_attributes {
            rule = parts.next();
        }
        let matching_rule = match rule {
            Some(rule) => {
                let rule = fold_oid(rule).map_err(|error| FilterError::Attribute { offset, error })?;
                Some(rule.into())
            }
            None => None,
        };
        if parts.next().is_some() || (attribute.is_none() && matching_rule.is_none()) {
            return Err(FilterError::Syntax { offset, expected: "attribute or matching rule" });
        }
        Ok(Extensible { matching_rule, attribute, value: self.value()?.into(), dn_attributes })
    }

    /// A value up to an asterisk or parenthesis.
    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        let mut octets = Vec::new();
        loop {
            match self.rest {
                [b'\\', high, low, rest @ ..] => {
                    let octet = hex_octet(*high, *low).ok_or(self.expected("two hex digits"))?;
                    octets.push(octet);
                    self.rest = rest;
                }
                [b'\\', ..] => return Err(self.expected("two hex digits")),
                [b'(' | b'\0', ..] => return Err(self.expected("escape")),
                [] | [b'*' | b')', ..] => return Ok(octets),
                [octet, rest @ ..] => {
                    octets.push(*octet);
                    self.rest = rest;
                }
            }
        }
    }
}

fn description(offset: usize, text: &[u8]) -> Result<AttributeDescription, FilterError> {
    AttributeDescription::parse(text).map_err(|error| FilterError::Attribute { offset, error })
}
