"""What the head of each example says of its configuration is true."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from ostiary.config import Config

from ..config.files import AROUND

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(each.stem for each in EXAMPLES.glob("*.py") if each.stem != "__init__")


@pytest.mark.parametrize("example", FILES)
def test_head_has_a_configuration_that_is_read(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    (tmp_path / "otp-secrets").write_text("JBSWY3DPEHPK3PXP uid=alice,ou=people,dc=example,dc=org\n")
    (tmp_path / "otp-secrets").chmod(0o600)
    head = (EXAMPLES / f"{example}.py").read_text().split('"""')[1]
    found = re.search(r"(?:^    .*\n)+", head, re.MULTILINE)
    assert found is not None
    config = Config.from_toml(AROUND + textwrap.dedent(found[0]), tmp_path)
    assert config.plugins[0].use.startswith(f"{example}:")
