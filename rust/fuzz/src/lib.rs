//! What several targets share: an input read as choices, and requests and responses made of them.

mod requests;
mod responses;

pub use requests::request;
pub use responses::response;

/// DNs, some of one entry in several spellings, some that are none.
pub const DNS: &[&str] = &[
    "",
    "dc=corp",
    "ou=people,dc=corp",
    "uid=alice,ou=people,dc=corp",
    "UID = Alice , OU=people, DC=Corp",
    "cn=app,ou=services,dc=corp",
    "cn=boss,ou=hr,dc=corp",
    "cn=bo\\73s,OU=h\\72,dc=corp",
    "ou=hr,dc=corp",
    "userPassword=x+cn=a,ou=people,dc=corp",
    "cn=",
    "<GUID=1>",
    "alice@corp.example",
    "CORP\\alice",
    "no name",
];

/// Attribute descriptions and selectors, hidden and shown, in many spellings.
pub const ATTRIBUTES: &[&str] = &[
    "cn",
    "CN;lang-de",
    "2.5.4.3",
    "OID.2.5.4.3",
    "sn",
    "surname",
    "name",
    "uid",
    "mail",
    "userPassword",
    "USERPASSWORD;x-a",
    "2.5.4.35",
    "2.5.4.035",
    "1.3.6.1.4.1.99999.7",
    "x-secret",
    "x-Secret;range=0-9",
    "objectClass",
    "member",
    "dnsHostName",
    "ref",
    "*",
    "+",
    "1.1",
    "@person",
    "",
    "no name",
    "cn;",
    "anr",
    "x-a-name-that-is-longer-than-any-block-is",
];

/// Values of all sorts.
pub const VALUES: &[&str] = &["", "alice", "Alice ", "person", "x", "ldap://dc1.corp/ou=hr,dc=corp", "a*b", "\0"];

/// An input, of which each octet is a choice; at its end every choice is the first one.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many octets as the next one says, or all that are left.
    pub fn octets(&mut self) -> &'a [u8] {
        let count = usize::from(self.octet()).min(self.0.len());
        let (octets, rest) = self.0.split_at(count);
        self.0 = rest;
        octets
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.octet()) % count
    }

    pub fn flag(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    pub fn one<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// One of these texts, or any octets.
    pub fn text(&mut self, list: &[&'static str]) -> &'a [u8] {
        match self.octet() {
            255 => self.octets(),
            choice => list[usize::from(choice) % list.len()].as_bytes(),
        }
    }

    /// At most three of what `one` makes.
    pub fn few<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| one(self)).collect()
    }
}
