"""One throwaway authority for all configuration tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.tls import throwaway_authority


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ca.pem, server.* and client.*, an encrypted pair, an expired one, and broken files."""
    directory = tmp_path_factory.mktemp("certificates")
    throwaway_authority(directory)
    throwaway_authority(directory / "encrypted", password=b"open sesame")
    throwaway_authority(directory / "expired", valid_days=-3)
    (directory / "password").write_text("open sesame\n")
    (directory / "empty").write_text("\n")
    (directory / "prose").write_text("no certificate here\n")
    return directory
