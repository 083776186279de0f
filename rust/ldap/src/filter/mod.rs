//! Filters as trees, from and to BER (RFC 4511 section 4.5.1.7) and text (RFC 4515), with attributes normalised.
//!
//! A tree is one vector in prefix order, each set knowing how many nodes it spans: copying, comparing, printing and
//! dropping it are loops, so that no peer's nesting ever becomes our stack. Values are octets as they came: which
//! matching rule prepares them is the schema's to say, and no schema is known here. Attribute descriptions that
//! cannot be normalised make the whole filter an error.

mod ber;
mod display;
mod refill;
mod text;
mod tokens;

use ostiary_ber::Error;

use crate::attribute::{AttributeDescription, AttributeError};

pub use crate::message::FilterLimits;
pub use tokens::{SubstringParts, SubstringPlace, Token, Tokens};

/// Why something is no filter that can be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The encoding is not of the grammar.
    #[error(transparent)]
    Malformed(#[from] Error),
    /// The text is not of the grammar.
    #[error("{expected} expected (offset {offset})")]
    Syntax {
        /// Octets before the place.
        offset: usize,
        /// What the grammar has there.
        expected: &'static str,
    },
    /// An attribute description or matching rule cannot be normalised.
    #[error("{error} (offset {offset})")]
    Attribute {
        /// Octets before it.
        offset: usize,
        /// What is wrong with it.
        error: AttributeError,
    },
    /// A substring without octets, which servers do not read alike.
    #[error("empty substring")]
    EmptySubstring,
    /// It nests deeper than allowed.
    #[error("filter nests too deep")]
    TooDeep,
    /// It has more nodes than allowed.
    #[error("filter has too many nodes")]
    TooWide,
}

/// A filter.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Never empty; the first node spans all of them.
    nodes: Vec<Node>,
}

/// A node and, for sets, how many nodes there are from it to the end of its last member, itself included.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Node {
    Set(SetKind, usize),
    Item(Item),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum SetKind {
    And,
    Or,
    Not,
}

/// A filter that has no filters in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Item {
    /// `(attribute=value)`
    Equality(Assertion),
    /// `(attribute>=value)`
    GreaterOrEqual(Assertion),
    /// `(attribute<=value)`
    LessOrEqual(Assertion),
    /// `(attribute~=value)`
    Approx(Assertion),
    /// `(attribute=*)`
    Present(AttributeDescription),
    /// `(attribute=initial*any*final)`
    Substrings(Substrings),
    /// `(attribute:dn:rule:=value)`
    Extensible(Extensible),
}

/// An attribute and the value it is held against.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Assertion {
    /// The attribute.
    pub attribute: AttributeDescription,
    /// The value.
    pub value: Box<[u8]>,
}

/// An attribute and the parts its value must have in this order; there is at least one, and none is empty.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Substrings {
    /// The attribute.
    pub attribute: AttributeDescription,
    /// How the value starts.
    pub initial: Option<Box<[u8]>>,
    /// What it has in between.
    pub any: Vec<Box<[u8]>>,
    /// How it ends.
    pub last: Option<Box<[u8]>>,
}

/// A value held against attributes by a named rule; rule or attribute is there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Extensible {
    /// The matching rule's name or object identifier, in lower case; the attribute's own if there is none.
    pub matching_rule: Option<Box<str>>,
    /// The attribute; every one that the rule fits if there is none.
    pub attribute: Option<AttributeDescription>,
    /// The value.
    pub value: Box<[u8]>,
    /// Whether the attributes in the entry's DN count too.
    pub dn_attributes: bool,
}

impl Item {
    /// The attribute that is tested; an extensible match may test any.
    pub fn attribute(&self) -> Option<&AttributeDescription> {
        match self {
            Self::Equality(assertion)
            | Self::GreaterOrEqual(assertion)
            | Self::LessOrEqual(assertion)
            | Self::Approx(assertion) => Some(&assertion.attribute),
            Self::Present(attribute) => Some(attribute),
            Self::Substrings(substrings) => Some(&substrings.attribute),
            Self::Extensible(extensible) => extensible.attribute.as_ref(),
        }
    }
}

impl Filter {
    /// The filter itself, to be walked.
    pub fn root(&self) -> FilterRef<'_> {
        FilterRef { nodes: &self.nodes }
    }

    /// Every item in it, however deep, from left to right.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Item(item) => Some(item),
            Node::Set(..) => None,
        })
    }
}

/// A filter within a tree.
#[derive(Clone, Copy)]
pub struct FilterRef<'f> {
    /// Its nodes and no others.
    nodes: &'f [Node],
}

/// What a filter is.
#[derive(Clone, Copy)]
pub enum View<'f> {
    /// True if no member is false; without members true (RFC 4526).
    And(Members<'f>),
    /// True if a member is true; without members false (RFC 4526).
    Or(Members<'f>),
    /// True if the member is false.
    Not(FilterRef<'f>),
    /// A test of one attribute.
    Item(&'f Item),
}

impl<'f> FilterRef<'f> {
    /// What it is, with what it has in it.
    pub fn view(self) -> View<'f> {
        match self.nodes {
            [Node::Item(item), ..] => View::Item(item),
            [Node::Set(SetKind::And, _), members @ ..] => View::And(Members { nodes: members }),
            [Node::Set(SetKind::Not, _), member @ ..] => View::Not(FilterRef { nodes: member }),
            [Node::Set(SetKind::Or, _), members @ ..] => View::Or(Members { nodes: members }),
            // A tree is never empty; if it were, false is what lets nothing through.
            [] => View::Or(Members { nodes: &[] }),
        }
    }
}

/// The members of an `and` or `or`.
#[derive(Clone, Copy)]
pub struct Members<'f> {
    nodes: &'f [Node],
}

impl<'f> Iterator for Members<'f> {
    type Item = FilterRef<'f>;

    fn next(&mut self) -> Option<FilterRef<'f>> {
        let span = match self.nodes.first()? {
            Node::Set(_, span) => *span,
            Node::Item(_) => 1,
        };
        let (member, rest) = self.nodes.split_at_checked(span)?;
        self.nodes = rest;
        Some(FilterRef { nodes: member })
    }
}

/// Collects nodes in prefix order and fills in the spans when sets end.
struct Builder {
    nodes: Vec<Node>,
    open: Vec<usize>,
    limits: FilterLimits,
    spent: usize,
}

impl Builder {
    fn new(limits: &FilterLimits) -> Self {
        Self { nodes: Vec::new(), open: Vec::new(), limits: *limits, spent: 0 }
    }

    fn begin(&mut self, kind: SetKind) -> Result<(), FilterError> {
        self.spend(1)?;
        self.open.push(self.nodes.len());
        self.nodes.push(Node::Set(kind, 1));
        Ok(())
    }

    fn end(&mut self) {
        if let Some(place) = self.open.pop() {
            let length = self.nodes.len().saturating_sub(place);
            if let Some(Node::Set(_, span)) = self.nodes.get_mut(place) {
                *span = length;
            }
        }
    }

    /// Takes an item, which costs as many nodes as it has substring parts, and one.
    fn item(&mut self, item: Item) -> Result<(), FilterError> {
        let parts = match &item {
            Item::Substrings(Substrings { initial, any, last, .. }) => {
                any.len().saturating_add(usize::from(initial.is_some())).saturating_add(usize::from(last.is_some()))
            }
            _ => 0,
        };
        self.spend(parts.saturating_add(1))?;
        self.nodes.push(Node::Item(item));
        Ok(())
    }

    fn spend(&mut self, nodes: usize) -> Result<(), FilterError> {
        self.spent = self.spent.saturating_add(nodes);
        if self.open.len() >= self.limits.depth {
            return Err(FilterError::TooDeep);
        }
        if self.spent > self.limits.nodes { Err(FilterError::TooWide) } else { Ok(()) }
    }

    fn finish(self) -> Filter {
        Filter { nodes: self.nodes }
    }
}

#[cfg(test)]
mod tests;
