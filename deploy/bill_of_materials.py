"""The bill of materials of an image, as CycloneDX 1.5 on stdout: Debian packages, Python distributions, crates.

Runs in the image, by the interpreter that the gateway has, with nothing but the standard library. The crates are told
by the gateway's own wheel, which brings a document of the same kind.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]
DEBIAN = Path("/var/lib/dpkg/status")
OWN = "ostiary"


def component(kind: str, name: str, version: str, licence: str | None = None, namespace: str = "") -> Component:
    """One part, named as package URLs do."""
    url = f"pkg:{kind}/{namespace}{quote(name)}@{quote(version)}"
    told: Component = {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
    if licence:
        told["licenses"] = [{"license": {"name": licence}}]
    return told


def debian(status: Path = DEBIAN) -> Iterator[Component]:
    """The installed packages of a base made of Debian; none where it is another."""
    text = status.read_text(encoding="utf-8") if status.exists() else ""
    for paragraph in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield component("deb", fields["Package"], fields["Version"], namespace="debian/")


def python() -> Iterator[Component]:
    """The distributions beside the gateway."""
    for each in distributions():
        if each.name != OWN:
            name = re.sub(r"[-_.]+", "-", each.name).lower()
            licence = each.metadata.json.get("license_expression")
            yield component("pypi", name, each.version, str(licence) if licence else None)


def crates(own: Distribution) -> Iterator[Component]:
    """What the compiled module is made of."""
    for file in own.files or ():
        if file.parent.name == "sboms" and file.suffix == ".json":
            for each in json.loads(file.read_text())["components"]:
                # Its own crates are the gateway.
                if each.get("purl", "").startswith("pkg:cargo/") and "file://" not in each["purl"]:
                    yield each


def document() -> dict[str, Any]:
    """Everything, each part once."""
    own = distribution(OWN)
    parts = {each["purl"]: each for found in (debian(), python(), crates(own)) for each in found}
    subject = {**component("pypi", OWN, own.version, "Apache-2.0"), "type": "application"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": [parts[url] for url in sorted(parts)],
    }


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)
