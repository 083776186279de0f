//! What a request asks for, normalised when somebody wants to know: once, whatever the number of stages.
//!
//! It does not know what is allowed. Whoever asks for something that cannot be normalised gets [`Unreadable`], and
//! decides what that means; where an operation has no such thing, the answer is none.

use core::cell::OnceCell;
use std::sync::OnceLock;

use ostiary_ber::{Reader, tag};
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::{Dn, Rdn};
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{
    AddRequest, ChangeKind, CompareRequest, ModifyDnRequest, ModifyRequest, Operation, Request, RequestKind,
};
use ostiary_ldap::oid::PASSWORD_MODIFY_OID;

use crate::controls::{self, Concern};
use crate::rules::fingerprint;
use crate::who::Who;

/// Something that cannot be normalised, so that no rule may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// An attribute that a request reads or writes by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Which attribute.
    pub attribute: AttributeDescription,
    /// What is done to it; none for a compare.
    pub change: Option<ChangeKind>,
}

/// A request as rules see it.
pub struct Asked<'a> {
    request: &'a Request<'a>,
    target: OnceLock<Result<Option<Dn>, Unreadable>>,
    destination: OnceCell<Result<Option<Dn>, Unreadable>>,
    filter: OnceLock<Result<Option<Filter>, Unreadable>>,
    selectors: OnceLock<Option<Selectors>>,
    memory: Option<&'a Memory>,
    touched: OnceCell<Result<Vec<Touched>, Unreadable>>,
    concerns: OnceCell<Vec<Result<Concern, Unreadable>>>,
}

impl<'a> Asked<'a> {
    /// A view of a request; nothing is read yet.
    pub fn new(request: &'a Request<'a>) -> Self {
        Self {
            request,
            target: OnceLock::new(),
            destination: OnceCell::new(),
            filter: OnceLock::new(),
            selectors: OnceLock::new(),
            memory: None,
            touched: OnceCell::new(),
            concerns: OnceCell::new(),
        }
    }

    /// A view of a request for which a memory was prepared.
    pub fn remembering(request: &'a Request<'a>, memory: &'a Memory) -> Self {
        let memory = matches!(request.operation, Operation::Search(_)).then_some(memory);
        Self { memory, ..Self::new(request) }
    }

    /// The request.
    pub fn request(&self) -> &'a Request<'a> {
        self.request
    }

    /// What kind of request it is.
    pub fn kind(&self) -> RequestKind {
        self.request.kind()
    }

    /// The entry that the request says it is about; none where it says none (bind, extended operations, a password
    /// modify of one's own). See [`Self::target_of`].
    pub fn target(&self) -> Result<Option<&Dn>, Unreadable> {
        let cell = self.memory.map_or(&self.target, |memory| &memory.target);
        let read = cell.get_or_init(|| {
            let name = match &self.request.operation {
                Operation::Search(search) => search.base_object,
                Operation::Modify(modify) => modify.object,
                Operation::Add(add) => add.entry,
                Operation::Delete(delete) => delete.entry,
                Operation::ModifyDn(modify_dn) => modify_dn.entry,
                Operation::Compare(compare) => compare.entry,
                Operation::Extended { value, .. } if self.is_password_modify() => match user_identity(*value)? {
                    Some(name) => name,
                    None => return Ok(None),
                },
                _ => return Ok(None),
            };
            Dn::from_bytes(name).map(Some).map_err(|_| Unreadable)
        });
        read.as_ref().map(Option::as_ref).map_err(|error| *error)
    }

    /// The entry that the request is about, given who asks: a password modify that names nobody is about the one who
    /// sends it (RFC 3062 section 2), and unreadable if that one has no DN.
    pub fn target_of<'s>(&'s self, proved: &'s Who) -> Result<Option<&'s Dn>, Unreadable> {
        match (self.target()?, proved) {
            (None, Who::Dn(own)) if self.is_password_modify() => Ok(Some(own)),
            (None, _) if self.is_password_modify() => Err(Unreadable),
            (target, _) => Ok(target),
        }
    }

    /// Where a modify DN puts the entry; none for other operations.
    pub fn destination(&self) -> Result<Option<&Dn>, Unreadable> {
        let Operation::ModifyDn(modify_dn) = &self.request.operation else { return Ok(None) };
        let read = self.destination.get_or_init(|| self.new_name(modify_dn).map(Some));
        read.as_ref().map(Option::as_ref).map_err(|error| *error)
    }

    fn new_name(&self, modify_dn: &ModifyDnRequest<'_>) -> Result<Dn, Unreadable> {
        let rdn = single_rdn(modify_dn.new_rdn)?;
        let parent = match modify_dn.new_superior {
            Some(superior) => Dn::from_bytes(superior).map_err(|_| Unreadable)?,
            None => self.target()?.and_then(Dn::parent).ok_or(Unreadable)?,
        };
        // The canonical text of a DN gives the same DN again.
        let text = if parent.is_root() { rdn.to_string() } else { format!("{rdn},{parent}") };
        Dn::parse(&text).map_err(|_| Unreadable)
    }

    /// The filter of a search; none for other operations.
    pub fn filter(&self) -> Result<Option<&Filter>, Unreadable> {
        let Operation::Search(search) = &self.request.operation else { return Ok(None) };
        let cell = self.memory_of_filter().map_or(&self.filter, |memory| &memory.filter);
        let read = cell.get_or_init(|| Filter::of_search(search).map(Some).map_err(|_| Unreadable));
        read.as_ref().map(Option::as_ref).map_err(|error| *error)
    }

    /// What filters of the same form as a search's have in common.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        let read = || self.filter().ok().flatten().map(|filter| fingerprint(filter.root()));
        self.memory_of_filter().map_or_else(read, |memory| *memory.fingerprint.get_or_init(read))
    }

    /// The memory, if it keeps the filter.
    fn memory_of_filter(&self) -> Option<&'a Memory> {
        self.memory.filter(|memory| !memory.encoded_filter.is_empty())
    }

    /// What a search wants to see of each entry; none for other operations.
    pub fn selectors(&self) -> Option<&Selectors> {
        let cell = self.memory.map_or(&self.selectors, |memory| &memory.selectors);
        let read = cell.get_or_init(|| match &self.request.operation {
            Operation::Search(search) => Some(Selectors::read(search.attributes)),
            _ => None,
        });
        read.as_ref()
    }

    /// The attributes that a compare, add, modify or modify DN touches, in the request's order; none for other
    /// operations. Those in the name of a new or renamed entry count, for the server adds their values itself, and
    /// those in the old name where its values are to go.
    pub fn touched(&self) -> Result<&[Touched], Unreadable> {
        let read = self.touched.get_or_init(|| match &self.request.operation {
            Operation::Compare(compare) => touched_by_compare(compare),
            Operation::Add(add) => self.touched_by_add(add),
            Operation::Modify(modify) => touched_by_modify(modify),
            Operation::ModifyDn(modify_dn) => self.touched_by_modify_dn(modify_dn),
            _ => Ok(Vec::new()),
        });
        read.as_ref().map(Vec::as_slice).map_err(|error| *error)
    }

    fn touched_by_add(&self, add: &AddRequest<'_>) -> Result<Vec<Touched>, Unreadable> {
        let mut touched = Vec::new();
        for attribute in add.attributes {
            touched.push(touch(attribute.description, Some(ChangeKind::Add))?);
        }
        if let Some(target) = self.target()? {
            touch_name(target, ChangeKind::Add, &mut touched);
        }
        Ok(touched)
    }

    fn touched_by_modify_dn(&self, modify_dn: &ModifyDnRequest<'_>) -> Result<Vec<Touched>, Unreadable> {
        let mut touched = Vec::new();
        touch_name(&single_rdn(modify_dn.new_rdn)?, ChangeKind::Add, &mut touched);
        if modify_dn.delete_old_rdn
            && let Some(target) = self.target()?
        {
            touch_name(target, ChangeKind::Delete, &mut touched);
        }
        Ok(touched)
    }

    /// What the request's controls say of attributes, one for each control that can, in their order.
    pub fn concerns(&self) -> &[Result<Concern, Unreadable>] {
        self.concerns.get_or_init(|| self.request.controls.filter_map(|control| controls::concern(&control)).collect())
    }

    /// Whether this is the password modify operation.
    pub fn is_password_modify(&self) -> bool {
        matches!(&self.request.operation, Operation::Extended { name, .. }
            if controls::is_oid(name, PASSWORD_MODIFY_OID))
    }
}

/// What a client's last search asked for, normalised. Applications search the same base for the same attributes by the
/// same filter again and again; the values that they look for alone differ.
#[derive(Debug, Default)]
pub struct Memory {
    base: Option<Box<[u8]>>,
    target: OnceLock<Result<Option<Dn>, Unreadable>>,
    attributes: Option<Box<[u8]>>,
    selectors: OnceLock<Option<Selectors>>,
    /// Empty if the filter is not kept.
    encoded_filter: Vec<u8>,
    filter: OnceLock<Result<Option<Filter>, Unreadable>>,
    fingerprint: OnceLock<Option<u64>>,
}

impl Memory {
    /// Octets of a base, and of selectors, above which nothing is kept: hardly any search has as many.
    const KEPT: usize = 1_024;
    /// The same of a filter, which is many times as large in memory.
    const FILTER_KEPT: usize = 256;

    /// Forgets what this request asks otherwise than the last search; to be called before it is looked at.
    pub fn prepare(&mut self, request: &Request<'_>) {
        let Operation::Search(search) = &request.operation else { return };
        if !remembered(&mut self.base, search.base_object) {
            self.target = OnceLock::new();
        }
        if !remembered(&mut self.attributes, search.attributes.encoded()) {
            self.selectors = OnceLock::new();
        }
        self.prepare_filter(search.filter);
    }

    fn prepare_filter(&mut self, encoded: &[u8]) {
        let is_kept = encoded.len() <= Self::FILTER_KEPT;
        let fits = match self.filter.get_mut() {
            Some(Ok(Some(filter))) if is_kept => filter.refill(&self.encoded_filter, encoded),
            _ => false,
        };
        if !fits {
            self.filter = OnceLock::new();
            self.fingerprint = OnceLock::new();
        }
        self.encoded_filter.clear();
        if is_kept {
            self.encoded_filter.extend_from_slice(encoded);
        }
    }
}

/// Whether `kept` are these octets; if not, they are kept for the next time, unless they are many.
fn remembered(kept: &mut Option<Box<[u8]>>, octets: &[u8]) -> bool {
    if kept.as_deref() == Some(octets) {
        return true;
    }
    *kept = (octets.len() <= Memory::KEPT).then(|| octets.into());
    false
}

/// What attribute selectors ask for (RFC 4511 section 4.5.1.8, RFC 3673).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    /// All user attributes: `*`, or no selector at all.
    pub all_user: bool,
    /// All operational attributes: `+`.
    pub all_operational: bool,
    /// Attributes by name, with their spelling.
    pub named: Vec<(AttributeDescription, Box<[u8]>)>,
    /// How many selectors are something else: `@person`, or nothing that can be read.
    pub odd: usize,
}

impl Selectors {
    /// What `selectors` ask for.
    pub fn read<'a>(selectors: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut read = Self::default();
        let mut count = 0_usize;
        for selector in selectors {
            count = count.saturating_add(1);
            match (selector, AttributeDescription::parse(selector)) {
                (b"*", _) => read.all_user = true,
                (b"+", _) => read.all_operational = true,
                // `1.1` beside others counts for nothing; alone it asks for no attribute.
                (_, Ok(description)) if is_no_attribute(&description) => {}
                (_, Ok(description)) => read.named.push((description, selector.into())),
                (_, Err(_)) => read.odd = read.odd.saturating_add(1),
            }
        }
        read.all_user |= count == 0;
        read
    }

    /// Whether no attribute is asked for.
    pub fn is_nothing(&self) -> bool {
        !self.all_user && !self.all_operational && self.named.is_empty() && self.odd == 0
    }
}

fn is_no_attribute(description: &AttributeDescription) -> bool {
    description.attribute_type().as_str() == "1.1" && description.options().next().is_none()
}

fn touch(description: &[u8], change: Option<ChangeKind>) -> Result<Touched, Unreadable> {
    let attribute = AttributeDescription::parse(description).map_err(|_| Unreadable)?;
    Ok(Touched { attribute, change })
}

fn touched_by_compare(compare: &CompareRequest<'_>) -> Result<Vec<Touched>, Unreadable> {
    Ok(vec![touch(compare.attribute, None)?])
}

fn touched_by_modify(modify: &ModifyRequest<'_>) -> Result<Vec<Touched>, Unreadable> {
    modify.changes.map(|change| touch(change.modification.description, Some(change.operation))).collect()
}

/// The types in the first RDN of `name`, where they are not touched this way already.
fn touch_name(name: &Dn, change: ChangeKind, touched: &mut Vec<Touched>) {
    for ava in name.rdns().first().map(Rdn::avas).unwrap_or_default() {
        let touch = Touched { attribute: ava.attribute_type().clone().into(), change: Some(change) };
        if !touched.contains(&touch) {
            touched.push(touch);
        }
    }
}

/// A DN of one RDN. A comma that a lenient server did not take for one must not hide in it.
fn single_rdn(text: &[u8]) -> Result<Dn, Unreadable> {
    let read = Dn::from_bytes(text).map_err(|_| Unreadable)?;
    if read.rdns().len() == 1 { Ok(read) } else { Err(Unreadable) }
}

/// `PasswdModifyRequestValue ::= SEQUENCE { userIdentity [0] OCTET STRING OPTIONAL, oldPasswd [1] ..., newPasswd [2]
/// ... }` (RFC 3062 section 2): the first of them, if it is there. An empty one servers do not read alike.
fn user_identity(value: Option<&[u8]>) -> Result<Option<&[u8]>, Unreadable> {
    let Some(value) = value else { return Ok(None) };
    let read = || {
        let mut outer = Reader::new(value);
        let mut fields = outer.read_reader("passwdModify", tag::SEQUENCE)?;
        outer.finish("passwdModify")?;
        let identity = fields.read_optional("passwdModify.userIdentity", 0x80)?;
        fields.read_optional("passwdModify.oldPasswd", 0x81)?;
        fields.read_optional("passwdModify.newPasswd", 0x82)?;
        fields.finish("passwdModify")?;
        Ok::<_, ostiary_ber::Error>(identity)
    };
    match read() {
        Ok(Some([])) | Err(_) => Err(Unreadable),
        Ok(identity) => Ok(identity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ostiary_ldap::message::{DerefAliases, FilterLimits, Scope};
    use ostiary_ldap::write;

    const CHECKED: FilterLimits = FilterLimits { depth: 9, nodes: 9 };

    fn search(base: &[u8], attributes: &[&[u8]]) -> Vec<u8> {
        search_by("(cn=a)", base, attributes)
    }

    fn search_by(filter: &str, base: &[u8], attributes: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::new();
        let filter = Filter::parse(filter, &CHECKED).unwrap().to_ber();
        let search = write::NewSearch {
            base_object: base,
            scope: Scope::WholeSubtree,
            deref_aliases: DerefAliases::NeverDerefAliases,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: &filter,
            attributes,
        };
        write::search_request(&mut message, 1, &search, &[]);
        message
    }

    #[test]
    fn a_memory_gives_what_reading_anew_gives() {
        let long = [b"cn=".as_slice(), &[b'a'; Memory::KEPT]].concat();
        let longer = [long.as_slice(), b"b"].concat();
        let bases: [&[u8]; 8] = [b"", b"dc=x", b"DC=x", b"cn", &long, long.get(..Memory::KEPT).unwrap(), &longer, b""];
        let attributes: [&[&[u8]]; 4] = [&[], &[b"cn"], &[b"*", b"CN"], &[b"1.1"]];
        let mut memory = Memory::default();
        for (one, two) in (0..8).flat_map(|one| (0..8).map(move |two| (one, two))) {
            for (base, attributes) in [(bases[one], attributes[two % 4]), (bases[two], attributes[one % 4])] {
                let message = search(base, attributes);
                let request = Request::parse(&message, &CHECKED).unwrap();
                memory.prepare(&request);
                let (anew, remembered) = (Asked::new(&request), Asked::remembering(&request, &memory));
                assert_eq!(anew.target(), remembered.target());
                assert_eq!(anew.selectors(), remembered.selectors());
            }
        }
    }

    #[test]
    fn a_memory_gives_every_filter_as_it_is_whatever_came_before() {
        let long = format!("(cn={})", "a".repeat(Memory::FILTER_KEPT));
        let filters = [
            "(cn=a)",
            "(cn=b)",
            "(cn=bb)",
            "(CN=b)",
            "(cn>=b)",
            "(cn=*)",
            "(cn=a*)",
            "(cn=b*)",
            "(sn=a)",
            "(!(cn=a))",
            "(&(cn=a)(sn=b))",
            "(&(cn=c)(sn=dd))",
            "(&(cn=a))",
            "(&(sn=b)(cn=a))",
            "(|(cn=a)(sn=b))",
            "(&)",
            "(&(|(cn=a))(sn=b))",
            "(&(|(cn=x)(sn=y)))",
            "(cn:dn:=a)",
            "(cn:dn:=b)",
            &long,
        ];
        let mut memory = Memory::default();
        for (one, two) in filters.iter().flat_map(|one| filters.iter().map(move |two| (one, two))) {
            for filter in [one, two] {
                let message = search_by(filter, b"dc=x", &[]);
                let request = Request::parse(&message, &CHECKED).unwrap();
                memory.prepare(&request);
                let (anew, remembered) = (Asked::new(&request), Asked::remembering(&request, &memory));
                assert_eq!(anew.filter(), remembered.filter());
                assert_eq!(anew.fingerprint(), remembered.fingerprint());
            }
        }
        assert!(memory.filter.get().is_none(), "a long one is not kept");
    }
}
