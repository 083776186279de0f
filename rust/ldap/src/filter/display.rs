//! The text of a filter (RFC 4515), and its shape for logs.
//!
//! `Display` shows everything and is for those who may see values; `Debug` shows a `?` for each, for a filter may
//! test a password.

use core::fmt::{self, Write};

use super::{Assertion, Extensible, Filter, Item, Node, SetKind, Substrings};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text { f, values: true }.filter(self)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text { f, values: false }.filter(self)
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text { f, values: true }.item(self)
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text { f, values: false }.item(self)
    }
}

struct Text<'t, 'f> {
    f: &'t mut fmt::Formatter<'f>,
    values: bool,
}

impl Text<'_, '_> {
    fn filter(&mut self, filter: &Filter) -> fmt::Result {
        let mut open = Vec::new();
        for (place, node) in filter.nodes.iter().enumerate() {
            while open.pop_if(|end| *end <= place).is_some() {
                self.f.write_char(')')?;
            }
            match node {
                Node::Item(item) => self.item(item)?,
                Node::Set(kind, span) => {
                    self.f.write_str(match kind {
                        SetKind::And => "(&",
                        SetKind::Or => "(|",
                        SetKind::Not => "(!",
                    })?;
                    open.push(place.saturating_add(*span));
                }
            }
        }
        open.into_iter().try_for_each(|_| self.f.write_char(')'))
    }

    fn item(&mut self, item: &Item) -> fmt::Result {
        self.f.write_char('(')?;
        match item {
            Item::Equality(assertion) => self.assertion(assertion, "=")?,
            Item::GreaterOrEqual(assertion) => self.assertion(assertion, ">=")?,
            Item::LessOrEqual(assertion) => self.assertion(assertion, "<=")?,
            Item::Approx(assertion) => self.assertion(assertion, "~=")?,
            Item::Present(attribute) => write!(self.f, "{attribute}=*")?,
            Item::Substrings(substrings) => self.substrings(substrings)?,
            Item::Extensible(extensible) => self.extensible(extensible)?,
        }
        self.f.write_char(')')
    }

    fn assertion(&mut self, assertion: &Assertion, operator: &str) -> fmt::Result {
        write!(self.f, "{}{operator}", assertion.attribute)?;
        self.value(&assertion.value)
    }

    fn substrings(&mut self, substrings: &Substrings) -> fmt::Result {
        write!(self.f, "{}=", substrings.attribute)?;
        if let Some(initial) = &substrings.initial {
            self.value(initial)?;
        }
        self.f.write_char('*')?;
        for any in &substrings.any {
            self.value(any)?;
            self.f.write_char('*')?;
        }
        substrings.last.as_ref().map_or(Ok(()), |last| self.value(last))
    }

    fn extensible(&mut self, extensible: &Extensible) -> fmt::Result {
        if let Some(attribute) = &extensible.attribute {
            write!(self.f, "{attribute}")?;
        }
        if extensible.dn_attributes {
            self.f.write_str(":dn")?;
        }
        if let Some(rule) = &extensible.matching_rule {
            write!(self.f, ":{rule}")?;
        }
        self.f.write_str(":=")?;
        self.value(&extensible.value)
    }

    /// A value with `valueencoding`'s escapes; control characters are escaped too, so that a log line stays one.
    fn value(&mut self, value: &[u8]) -> fmt::Result {
        if !self.values {
            return self.f.write_char('?');
        }
        for chunk in value.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '*' | '(' | ')' | '\\' => write!(self.f, "\\{:02x}", u32::from(character))?,
                    _ if character.is_ascii_control() => {
                        write!(self.f, "\\{:02x}", u32::from(character))?;
                    }
                    _ => self.f.write_char(character)?,
                }
            }
            chunk.invalid().iter().try_for_each(|octet| write!(self.f, "\\{octet:02x}"))?;
        }
        Ok(())
    }
}
