"""LDIF as RFC 2849 has it, and the bundled file."""

from __future__ import annotations

import pytest

from ostiary.demo.directory import example_tree
from ostiary.demo.ldif import LdifError, read_ldif


def test_lines_are_unfolded_comments_dropped_and_base64_decoded() -> None:
    text = (
        "version: 1\n# a comment\n  that goes on\n\n"
        "dn: cn=a\n b,dc=x\ncn:: w6Q=\ndescription:\ncn: two\n  words\n\n\ndn:: Y249w6Q=\ncn: x"
    )
    first, second = read_ldif(text)
    assert first.dn == "cn=ab,dc=x"
    assert first.attributes == {"cn": ["ä".encode(), b"two words"], "description": [b""]}
    assert (second.dn, second.attributes) == ("cn=ä", {"cn": [b"x"]})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cn: x", 1),
        (" x", 1),
        ("version: 2", 1),
        ("dn: cn=a\ncn x", 2),
        ("dn: cn=a\ncn:: ?", 2),
        ("dn: cn=a\ncn:< file:///etc/passwd", 2),
        ("dn: cn=a\nchangetype: delete", 2),
        ("dn: cn=a\ncn: a\ndn: cn=b", 3),
        ("dn:: //8=", 1),
    ],
)
def test_what_is_no_content_record_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(LdifError) as told:
        list(read_ldif(text))
    assert told.value.line == line


def test_bundled_file_fits_the_schema() -> None:
    tree = example_tree()
    assert [context.name for context in tree.naming_contexts] == ["dc=example,dc=org"]
    assert len(tree) > 35
