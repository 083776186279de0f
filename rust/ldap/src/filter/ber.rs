//! Filters from and to their encoding.
//!
//! The grammar is checked where every search's is, in [`crate::message`]; here checked elements become nodes.

use ostiary_ber::{Reader, Writer, tag};

use super::{Assertion, Builder, Extensible, Filter, FilterError, FilterLimits, Item, Node, SetKind, Substrings};
use crate::attribute::{AttributeDescription, fold_oid};
use crate::message::{CheckError, SearchRequest, check_filter, choice};

impl Filter {
    /// The filter that `encoded`, one whole element, is.
    pub fn from_ber(encoded: &[u8], limits: &FilterLimits) -> Result<Self, FilterError> {
        let mut checked = Reader::new(encoded);
        check_filter(&mut checked, limits)?;
        checked.finish("filter")?;
        Self::build(encoded, limits)
    }

    /// The filter of a search request, which was checked within limits when the request was read.
    pub fn of_search(search: &SearchRequest<'_>) -> Result<Self, FilterError> {
        Self::build(search.filter, &FilterLimits { depth: usize::MAX, nodes: usize::MAX })
    }

    /// The filter that `encoded`, one whole element that was checked, is.
    fn build(encoded: &[u8], limits: &FilterLimits) -> Result<Self, FilterError> {
        let mut builder = Builder::new(limits);
        let mut open: Vec<Reader<'_>> = Vec::new();
        let mut current = Reader::new(encoded);
        loop {
            if current.is_empty() {
                builder.end();
                match open.pop() {
                    Some(parent) => current = parent,
                    None => return Ok(builder.finish()),
                }
                continue;
            }
            let (tag, content) = current.read_any_reader("filter")?;
            let kind = match tag {
                choice::AND => SetKind::And,
                choice::OR => SetKind::Or,
                choice::NOT => SetKind::Not,
                _ => {
                    builder.item(item(tag, content)?)?;
                    continue;
                }
            };
            builder.begin(kind)?;
            open.push(core::mem::replace(&mut current, content));
        }
    }

    /// Its encoding, one element.
    pub fn to_ber(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        Writer::append(&mut encoded, |writer| self.write(writer));
        encoded
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let mut open = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            while let Some((_, element)) = open.pop_if(|(end, _)| *end <= place) {
                writer.end(element);
            }
            match node {
                Node::Item(item) => write_item(writer, item),
                Node::Set(kind, span) => {
                    let tag = match kind {
                        SetKind::And => choice::AND,
                        SetKind::Or => choice::OR,
                        SetKind::Not => choice::NOT,
                    };
                    open.push((place.saturating_add(*span), writer.begin(tag)));
                }
            }
        }
        while let Some((_, element)) = open.pop() {
            writer.end(element);
        }
    }
}

impl From<CheckError> for FilterError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Malformed(error) => Self::Malformed(error),
            CheckError::FilterTooDeep => Self::TooDeep,
            CheckError::FilterTooWide => Self::TooWide,
        }
    }
}

fn item(tag: u8, mut content: Reader<'_>) -> Result<Item, FilterError> {
    Ok(match tag {
        choice::EQUALITY_MATCH => Item::Equality(assertion(content)?),
        choice::GREATER_OR_EQUAL => Item::GreaterOrEqual(assertion(content)?),
        choice::LESS_OR_EQUAL => Item::LessOrEqual(assertion(content)?),
        choice::APPROX_MATCH => Item::Approx(assertion(content)?),
        choice::PRESENT => Item::Present(description(content.offset(), content.rest())?),
        choice::SUBSTRINGS => Item::Substrings(substrings(content)?),
        // The check has let nothing else through.
        _ => Item::Extensible(extensible(&mut content)?),
    })
}

fn description(offset: usize, text: &[u8]) -> Result<AttributeDescription, FilterError> {
    AttributeDescription::parse(text).map_err(|error| FilterError::Attribute { offset, error })
}

fn read_description(content: &mut Reader<'_>) -> Result<AttributeDescription, FilterError> {
    let offset = content.offset();
    description(offset, content.octet_string("filter.attributeDesc")?)
}

fn assertion(mut content: Reader<'_>) -> Result<Assertion, FilterError> {
    let attribute = read_description(&mut content)?;
    Ok(Assertion { attribute, value: content.octet_string("filter.assertionValue")?.into() })
}

fn substrings(mut content: Reader<'_>) -> Result<Substrings, FilterError> {
    let attribute = read_description(&mut content)?;
    let mut substrings = Substrings { attribute, initial: None, any: Vec::new(), last: None };
    let mut parts = content.read_reader("filter.substrings", tag::SEQUENCE)?;
    while !parts.is_empty() {
        let (tag, part) = parts.read_any("filter.substrings")?;
        if part.is_empty() {
            return Err(FilterError::EmptySubstring);
        }
        match tag {
            choice::INITIAL => substrings.initial = Some(part.into()),
            choice::FINAL => substrings.last = Some(part.into()),
            _ => substrings.any.push(part.into()),
        }
    }
    Ok(substrings)
}

fn extensible(content: &mut Reader<'_>) -> Result<Extensible, FilterError> {
    let offset = content.offset();
    let matching_rule = match content.read_optional("filter.matchingRule", choice::MATCHING_RULE)? {
        Some(rule) => {
            let rule = fold_oid(rule).map_err(|error| FilterError::Attribute { offset, error })?;
            Some(rule.into())
        }
        None => None,
    };
    let offset = content.offset();
    let attribute = match content.read_optional("filter.type", choice::TYPE)? {
        Some(text) => Some(description(offset, text)?),
        None => None,
    };
    let value = content.read("filter.matchValue", choice::MATCH_VALUE)?.into();
    let dn_attributes = !content.is_empty() && content.boolean_tagged("filter.dnAttributes", choice::DN_ATTRIBUTES)?;
    Ok(Extensible { matching_rule, attribute, value, dn_attributes })
}

fn write_item(writer: &mut Writer<'_>, item: &Item) {
    match item {
        Item::Equality(assertion) => write_assertion(writer, choice::EQUALITY_MATCH, assertion),
        Item::GreaterOrEqual(assertion) => {
            write_assertion(writer, choice::GREATER_OR_EQUAL, assertion);
        }
        Item::LessOrEqual(assertion) => write_assertion(writer, choice::LESS_OR_EQUAL, assertion),
        Item::Approx(assertion) => write_assertion(writer, choice::APPROX_MATCH, assertion),
        Item::Present(attribute) => {
            writer.octet_string(choice::PRESENT, attribute.to_string().as_bytes());
        }
        Item::Substrings(substrings) => writer.sequence(choice::SUBSTRINGS, |content| {
            content.octet_string(tag::OCTET_STRING, substrings.attribute.to_string().as_bytes());
            content.sequence(tag::SEQUENCE, |parts| {
                if let Some(initial) = &substrings.initial {
                    parts.octet_string(choice::INITIAL, initial);
                }
                for any in &substrings.any {
                    parts.octet_string(choice::ANY, any);
                }
                if let Some(last) = &substrings.last {
                    parts.octet_string(choice::FINAL, last);
                }
            });
        }),
        Item::Extensible(extensible) => writer.sequence(choice::EXTENSIBLE_MATCH, |content| {
            if let Some(rule) = &extensible.matching_rule {
                content.octet_string(choice::MATCHING_RULE, rule.as_bytes());
            }
            if let Some(attribute) = &extensible.attribute {
                content.octet_string(choice::TYPE, attribute.to_string().as_bytes());
            }
            content.octet_string(choice::MATCH_VALUE, &extensible.value);
            // A default value is not written (RFC 4511 section 5.1).
            if extensible.dn_attributes {
                content.boolean_tagged(choice::DN_ATTRIBUTES, true);
            }
        }),
    }
}

fn write_assertion(writer: &mut Writer<'_>, choice: u8, assertion: &Assertion) {
    writer.sequence(choice, |content| {
        content.octet_string(tag::OCTET_STRING, assertion.attribute.to_string().as_bytes());
        content.octet_string(tag::OCTET_STRING, &assertion.value);
    });
}
