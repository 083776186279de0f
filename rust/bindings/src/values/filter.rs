//! Search filters as Python values: the core's flat tree as one that Python can walk.
//!
//! Depth and width were bounded when the core read the filter, so recursion here ends.

use core::fmt;
use std::sync::Arc;

use ostiary_ldap::filter::{self, FilterLimits, FilterRef, Item, View};
use pyo3::prelude::*;

use super::convert::{Octets, Tuple, value_error};
use super::names::AttributeDescription;

/// See `_core.pyi`.
#[pyclass(frozen, eq, hash, from_py_object, module = "ostiary._core")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filter(Arc<Node>);

#[derive(PartialEq, Eq, Hash)]
enum Node {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Filter),
    Item(Item),
}

impl Filter {
    /// The filter that one encoded element is.
    pub fn from_ber(encoded: &[u8]) -> PyResult<Self> {
        let tree = filter::Filter::from_ber(encoded, &FilterLimits::default()).map_err(value_error)?;
        Ok(Self::copied(tree.root()))
    }

    /// Its encoding, by way of its text: the core reads back what it has written.
    pub fn to_ber(&self) -> PyResult<Vec<u8>> {
        let tree = filter::Filter::parse(&self.to_string(), &FilterLimits::default()).map_err(value_error)?;
        Ok(tree.to_ber())
    }

    fn copied(tree: FilterRef<'_>) -> Self {
        Self(Arc::new(match tree.view() {
            View::And(members) => Node::And(members.map(Self::copied).collect()),
            View::Or(members) => Node::Or(members.map(Self::copied).collect()),
            View::Not(member) => Node::Not(Self::copied(member)),
            View::Item(item) => Node::Item(item.clone()),
        }))
    }

    fn item(&self) -> Option<&Item> {
        match &*self.0 {
            Node::Item(item) => Some(item),
            _ => None,
        }
    }

    fn substrings(&self) -> Option<&filter::Substrings> {
        match self.item()? {
            Item::Substrings(substrings) => Some(substrings),
            _ => None,
        }
    }

    fn extensible(&self) -> Option<&filter::Extensible> {
        match self.item()? {
            Item::Extensible(extensible) => Some(extensible),
            _ => None,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, members) = match &*self.0 {
            Node::And(members) => ('&', members.as_slice()),
            Node::Or(members) => ('|', members.as_slice()),
            Node::Not(member) => ('!', core::slice::from_ref(member)),
            Node::Item(item) => return fmt::Display::fmt(item, f),
        };
        write!(f, "({mark}")?;
        members.iter().try_for_each(|member| fmt::Display::fmt(member, f))?;
        f.write_str(")")
    }
}

#[pymethods]
impl Filter {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        let tree = filter::Filter::parse(text, &FilterLimits::default()).map_err(value_error)?;
        Ok(Self::copied(tree.root()))
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match &*self.0 {
            Node::And(_) => "and",
            Node::Or(_) => "or",
            Node::Not(_) => "not",
            Node::Item(item) => match item {
                Item::Equality(_) => "equality_match",
                Item::GreaterOrEqual(_) => "greater_or_equal",
                Item::LessOrEqual(_) => "less_or_equal",
                Item::Approx(_) => "approx_match",
                Item::Present(_) => "present",
                Item::Substrings(_) => "substrings",
                Item::Extensible(_) => "extensible_match",
            },
        }
    }

    #[getter]
    fn children(&self) -> Tuple<Self> {
        Tuple(match &*self.0 {
            Node::And(members) | Node::Or(members) => members.clone(),
            Node::Not(member) => vec![member.clone()],
            Node::Item(_) => Vec::new(),
        })
    }

    #[getter]
    fn attribute(&self) -> Option<AttributeDescription> {
        self.item()?.attribute().cloned().map(AttributeDescription)
    }

    #[getter]
    fn attributes(&self) -> Tuple<AttributeDescription> {
        let mut found: Vec<AttributeDescription> = Vec::new();
        let mut open = vec![self.clone()];
        while let Some(filter) = open.pop() {
            match &*filter.0 {
                Node::And(members) | Node::Or(members) => open.extend(members.iter().rev().cloned()),
                Node::Not(member) => open.push(member.clone()),
                Node::Item(item) => {
                    let tested = item.attribute().cloned().map(AttributeDescription);
                    found.extend(tested.filter(|attribute| !found.contains(attribute)));
                }
            }
        }
        Tuple(found)
    }

    #[getter]
    fn value(&self) -> Option<Octets> {
        match self.item()? {
            Item::Equality(assertion)
            | Item::GreaterOrEqual(assertion)
            | Item::LessOrEqual(assertion)
            | Item::Approx(assertion) => Some(Octets::from(&*assertion.value)),
            Item::Extensible(extensible) => Some(Octets::from(&*extensible.value)),
            Item::Present(_) | Item::Substrings(_) => None,
        }
    }

    #[getter]
    fn initial(&self) -> Option<Octets> {
        self.substrings()?.initial.as_deref().map(Octets::from)
    }

    #[getter]
    fn any(&self) -> Tuple<Octets> {
        Tuple(
            self.substrings()
                .map(|parts| parts.any.iter().map(|part| Octets::from(&**part)).collect())
                .unwrap_or_default(),
        )
    }

    #[getter]
    fn r#final(&self) -> Option<Octets> {
        self.substrings()?.last.as_deref().map(Octets::from)
    }

    #[getter]
    fn matching_rule(&self) -> Option<&str> {
        self.extensible()?.matching_rule.as_deref()
    }

    #[getter]
    fn dn_attributes(&self) -> bool {
        self.extensible().is_some_and(|extensible| extensible.dn_attributes)
    }

    fn __str__(&self) -> String {
        self.to_string()
    }
}
