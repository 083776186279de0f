//! An encoded filter piece by piece, in the order of its text, without making the tree.
//!
//! It is for those who write filters down: nothing is normalised, and attribute descriptions that no tree could have
//! are told as they came.

use ostiary_ber::{Reader, tag};
use smallvec::SmallVec;

use crate::message::{SearchRequest, choice};

/// A piece of a filter.
#[derive(Clone, Copy)]
pub enum Token<'a> {
    /// An `and` begins.
    And,
    /// An `or` begins.
    Or,
    /// A `not` begins.
    Not,
    /// The last one that began ends.
    End,
    /// `(attribute=value)` and its relatives.
    Assertion {
        /// The attribute description as sent.
        attribute: &'a [u8],
        /// `=`, `>=`, `<=` or `~=`.
        operator: &'static str,
        /// The value.
        value: &'a [u8],
    },
    /// `(attribute=*)`
    Present(&'a [u8]),
    /// `(attribute=initial*any*final)`
    Substrings {
        /// The attribute description as sent.
        attribute: &'a [u8],
        /// The parts.
        parts: SubstringParts<'a>,
    },
    /// `(attribute:dn:rule:=value)`
    Extensible {
        /// The matching rule, if it is named.
        matching_rule: Option<&'a [u8]>,
        /// The attribute description as sent, if there is one.
        attribute: Option<&'a [u8]>,
        /// Whether the attributes in the entry's DN count too.
        dn_attributes: bool,
        /// The value.
        value: &'a [u8],
    },
}

/// The pieces of a filter.
pub struct Tokens<'a> {
    current: Reader<'a>,
    open: SmallVec<[Reader<'a>; 8]>,
}

impl<'a> Tokens<'a> {
    /// The pieces of the filter of a search request, which was checked when the request was read.
    pub fn of_search(search: &SearchRequest<'a>) -> Self {
        Self { current: Reader::new(search.filter), open: SmallVec::new() }
    }

    fn begin(&mut self, content: Reader<'a>, token: Token<'a>) -> Token<'a> {
        self.open.push(core::mem::replace(&mut self.current, content));
        token
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if self.current.is_empty() {
            self.current = self.open.pop()?;
            return Some(Token::End);
        }
        let (tag, content) = self.current.read_any_reader("filter").ok()?;
        match tag {
            choice::AND => Some(self.begin(content, Token::And)),
            choice::OR => Some(self.begin(content, Token::Or)),
            choice::NOT => Some(self.begin(content, Token::Not)),
            choice::EQUALITY_MATCH => assertion(content, "="),
            choice::GREATER_OR_EQUAL => assertion(content, ">="),
            choice::LESS_OR_EQUAL => assertion(content, "<="),
            choice::APPROX_MATCH => assertion(content, "~="),
            choice::PRESENT => Some(Token::Present(content.rest())),
            choice::SUBSTRINGS => substrings(content),
            // The check has let nothing else through.
            _ => extensible(content),
        }
    }
}

fn assertion<'a>(mut content: Reader<'a>, operator: &'static str) -> Option<Token<'a>> {
    let attribute = content.octet_string("filter.attributeDesc").ok()?;
    let value = content.octet_string("filter.assertionValue").ok()?;
    Some(Token::Assertion { attribute, operator, value })
}

fn substrings(mut content: Reader<'_>) -> Option<Token<'_>> {
    let attribute = content.octet_string("filter.attributeDesc").ok()?;
    let parts = SubstringParts { reader: content.read_reader("filter.substrings", tag::SEQUENCE).ok()? };
    Some(Token::Substrings { attribute, parts })
}

fn extensible(mut content: Reader<'_>) -> Option<Token<'_>> {
    let matching_rule = content.read_optional("filter.matchingRule", choice::MATCHING_RULE).ok()?;
    let attribute = content.read_optional("filter.type", choice::TYPE).ok()?;
    let value = content.read("filter.matchValue", choice::MATCH_VALUE).ok()?;
    let dn_attributes =
        !content.is_empty() && content.boolean_tagged("filter.dnAttributes", choice::DN_ATTRIBUTES).ok()?;
    Some(Token::Extensible { matching_rule, attribute, dn_attributes, value })
}

/// Where a part of a substring filter has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubstringPlace {
    /// At the start of the value.
    Initial,
    /// Behind the parts before it.
    Any,
    /// At the end of the value.
    Final,
}

/// The parts of a substring filter, in their order.
#[derive(Clone, Copy)]
pub struct SubstringParts<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for SubstringParts<'a> {
    type Item = (SubstringPlace, &'a [u8]);

    fn next(&mut self) -> Option<(SubstringPlace, &'a [u8])> {
        let (tag, part) = self.reader.read_any("filter.substrings").ok()?;
        let place = match tag {
            choice::INITIAL => SubstringPlace::Initial,
            choice::FINAL => SubstringPlace::Final,
            _ => SubstringPlace::Any,
        };
        Some((place, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, FilterLimits};
    use crate::message::{DerefAliases, Operation, Request, Scope};
    use crate::write;

    fn text(token: Token<'_>) -> String {
        let show = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        match token {
            Token::And => "(&".into(),
            Token::Or => "(|".into(),
            Token::Not => "(!".into(),
            Token::End => ")".into(),
            Token::Assertion { attribute, operator, value } => {
                format!("({}{operator}{})", show(attribute), show(value))
            }
            Token::Present(attribute) => format!("({}=*)", show(attribute)),
            Token::Substrings { attribute, parts } => {
                let parts = parts.map(|(place, part)| match place {
                    SubstringPlace::Initial => show(part),
                    SubstringPlace::Any => format!("*{}", show(part)),
                    SubstringPlace::Final => format!("*{}$", show(part)),
                });
                format!("({}={})", show(attribute), parts.collect::<String>())
            }
            Token::Extensible { matching_rule, attribute, dn_attributes, value } => {
                let (rule, attribute) = (matching_rule.map(show), attribute.map(show));
                format!("({attribute:?} {dn_attributes} {rule:?} {})", show(value))
            }
        }
    }

    #[test]
    fn pieces_come_in_the_order_of_the_text() {
        for (filter, expected) in [
            ("(cn=a)", "(cn=a)"),
            ("(&(cn=a)(|(sn>=b)(sn<=c)(!(sn~=d)))(uid=*))", "(&(cn=a)(|(sn>=b)(sn<=c)(!(sn~=d)))(uid=*))"),
            ("(|(&)(cn=a))", "(|(&)(cn=a))"),
            ("(&)", "(&)"),
            ("(cn=a*b*c*d)", "(cn=a*b*c*d$)"),
            ("(cn=*b*)", "(cn=*b)"),
            ("(cn:dn:2.5.13.5:=a)", "(Some(\"cn\") true Some(\"2.5.13.5\") a)"),
            ("(:caseExactMatch:=a)", "(None false Some(\"caseexactmatch\") a)"),
        ] {
            let mut message = Vec::new();
            let encoded = Filter::parse(filter, &FilterLimits::default()).unwrap().to_ber();
            let search = write::NewSearch {
                base_object: b"",
                scope: Scope::BaseObject,
                deref_aliases: DerefAliases::NeverDerefAliases,
                size_limit: 0,
                time_limit: 0,
                types_only: false,
                filter: &encoded,
                attributes: &[],
            };
            write::search_request(&mut message, 1, &search, &[]);
            let request = Request::parse(&message, &FilterLimits::default()).unwrap();
            let Operation::Search(search) = request.operation else { panic!() };
            assert_eq!(Tokens::of_search(&search).map(text).collect::<String>(), expected);
        }
    }
}
