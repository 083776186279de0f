"""The page at /: one self-contained document, put together from the three files beside this one.

It holds no figures; its script asks /status for them. The policy that goes with it lets nothing run but that script,
and lets it ask nobody but the endpoint.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

__all__ = ["page"]

_FOLDER = Path(__file__).parent / "page"
_STYLE, _SCRIPT = "/* style.css */", "/* script.js */"


def page() -> tuple[bytes, str]:
    """The document, and its Content-Security-Policy."""
    style, script = _read("style.css"), "\n".join(map(_read, ("format.js", "plots.js", "page.js")))
    document = _read("page.html").replace(_STYLE, style, 1).replace(_SCRIPT, script, 1)
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return document.encode(), policy


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """The text by its hash, as a policy names it (CSP, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
