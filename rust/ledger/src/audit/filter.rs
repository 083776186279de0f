//! The text of a filter (RFC 4515): its shape, and its values only where they may be shown.
//!
//! Values of secret attributes never may, nor those of a match that names no attribute, for it tests them all. Names
//! are shown as they were spelt.

use ostiary_ldap::filter::{SubstringParts, SubstringPlace, Token, Tokens};
use ostiary_ldap::message::{CompareRequest, SearchRequest};

use super::secret::SecretAttributes;
use super::text::Text;

/// Writes filters.
#[derive(Clone, Copy)]
pub(super) struct Filters<'a> {
    pub(super) secrets: &'a SecretAttributes,
    /// Whether values may be shown at all.
    pub(super) values: bool,
}

impl Filters<'_> {
    /// The filter of a search.
    pub(super) fn search(self, search: &SearchRequest<'_>, text: &mut Text<'_>) {
        for token in Tokens::of_search(search) {
            match token {
                Token::And => text.own("(&"),
                Token::Or => text.own("(|"),
                Token::Not => text.own("(!"),
                Token::End => text.own(")"),
                item => self.item(item, text),
            }
            if text.is_cut() {
                return;
            }
        }
    }

    /// What a compare tests, as a filter would say it.
    pub(super) fn compare(self, compare: &CompareRequest<'_>, text: &mut Text<'_>) {
        let (attribute, value) = (compare.attribute, compare.value);
        self.item(Token::Assertion { attribute, operator: "=", value }, text);
    }

    fn item(self, item: Token<'_>, text: &mut Text<'_>) {
        text.own("(");
        match item {
            Token::Assertion { attribute, operator, value } => {
                text.push(attribute);
                text.own(operator);
                self.value(Some(attribute), value, text);
            }
            Token::Present(attribute) => {
                text.push(attribute);
                text.own("=*");
            }
            Token::Substrings { attribute, parts } => self.substrings(attribute, parts, text),
            Token::Extensible { matching_rule, attribute, dn_attributes, value } => {
                text.push(attribute.unwrap_or_default());
                text.own(if dn_attributes { ":dn" } else { "" });
                if let Some(rule) = matching_rule {
                    text.own(":");
                    text.push(rule);
                }
                text.own(":=");
                // With `:dn` it tests whatever the name has, too.
                self.value(attribute.filter(|_| !dn_attributes), value, text);
            }
            Token::And | Token::Or | Token::Not | Token::End => {}
        }
        text.own(")");
    }

    fn substrings(self, attribute: &[u8], parts: SubstringParts<'_>, text: &mut Text<'_>) {
        text.push(attribute);
        text.own("=");
        let mut has_star = false;
        for (place, part) in parts {
            if place != SubstringPlace::Initial && !has_star {
                text.own("*");
            }
            self.value(Some(attribute), part, text);
            has_star = place != SubstringPlace::Final;
            if has_star {
                text.own("*");
            }
            if text.is_cut() {
                return;
            }
        }
    }

    /// A value, if those of the attribute may be shown.
    fn value(self, attribute: Option<&[u8]>, value: &[u8], text: &mut Text<'_>) {
        let may_show = self.values
            && attribute.is_some_and(|attribute| !self.secrets.contain(attribute))
            && self.secrets.value_within(value).is_none();
        if may_show { escape(value, text) } else { text.own("?") }
    }
}

/// A value with the escapes of RFC 4515 section 3, without which it could end the filter.
fn escape(mut value: &[u8], text: &mut Text<'_>) {
    while !text.is_cut() {
        let special = |octet: &u8| matches!(octet, b'*' | b'(' | b')' | b'\\' | b'\0');
        let Some(place) = value.iter().position(special) else { return text.push(value) };
        let Some((plain, [first, rest @ ..])) = value.split_at_checked(place) else { return };
        text.push(plain);
        text.push(match first {
            b'*' => b"\\2a",
            b'(' => b"\\28",
            b')' => b"\\29",
            b'\\' => b"\\5c",
            _ => b"\\00",
        });
        value = rest;
    }
}
