//! What is said of DNs and of everything below them, found by a walk from the root: one look-up for each RDN.

use std::collections::HashMap;

use ostiary_ldap::dn::{Dn, Rdn};

/// A tree of DNs, each with what is said there.
#[derive(Debug)]
pub(crate) struct DnTree<T> {
    /// The root is the first, and always there.
    nodes: Vec<Node<T>>,
}

#[derive(Debug)]
struct Node<T> {
    said: Option<T>,
    children: HashMap<Rdn, usize>,
}

impl<T> Default for DnTree<T> {
    fn default() -> Self {
        Self { nodes: vec![Node { said: None, children: HashMap::new() }] }
    }
}

impl<T: Default> DnTree<T> {
    /// What is said at `dn`, to be added to; none only if the tree were broken.
    pub(crate) fn at(&mut self, dn: &Dn) -> Option<&mut T> {
        let mut place = 0;
        for rdn in dn.rdns().iter().rev() {
            let next = self.nodes.len();
            let children = &mut self.nodes.get_mut(place)?.children;
            place = *children.entry(rdn.clone()).or_insert(next);
            if place == next {
                self.nodes.push(Node { said: None, children: HashMap::new() });
            }
        }
        Some(self.nodes.get_mut(place)?.said.get_or_insert_default())
    }

    /// Calls `visit` with what is said at the root, at every DN above `dn`, and at `dn` itself.
    pub(crate) fn walk(&self, dn: &Dn, mut visit: impl FnMut(&T)) {
        let mut node = self.nodes.first();
        let mut rdns = dn.rdns().iter().rev();
        while let Some(here) = node {
            if let Some(said) = &here.said {
                visit(said);
            }
            node = rdns.next().and_then(|rdn| self.nodes.get(*here.children.get(rdn)?));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_meets_what_is_said_above_and_nothing_beside() {
        let mut tree = DnTree::<Vec<u8>>::default();
        for (dn, number) in [("", 0), ("dc=x", 1), ("ou=apps,dc=x", 2), ("ou=xapps,dc=x", 3), ("cn=a,ou=apps,dc=x", 4)]
        {
            tree.at(&Dn::parse(dn).unwrap()).unwrap().push(number);
        }
        let met = |dn: &str| {
            let mut met = Vec::new();
            tree.walk(&Dn::parse(dn).unwrap(), |said| met.extend_from_slice(said));
            met
        };
        assert_eq!(met("cn=b,cn=a,OU=Apps,dc=x"), [0, 1, 2, 4]);
        assert_eq!(met("ou=xapps,dc=x"), [0, 1, 3]);
        assert_eq!(met("ou=apps,dc=y"), [0]);
    }
}
