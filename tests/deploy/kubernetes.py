"""Kubernetes' objects as tests look at them: read from YAML, judged by schema, with configurations that are loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from ostiary.config import Config
from ostiary.config.loading import parse
from ostiary.tls import throwaway_authority

Object = dict[str, Any]
# Kinds that others bring to a cluster: there is no schema of them here.
FOREIGN = {"Certificate", "ServiceMonitor", "PodMonitor"}
HARDENED = {
    "runAsNonRoot": True, "runAsUser": 65532, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def objects(text: str) -> list[Object]:
    """The objects of a document of several."""
    return [each for each in yaml.safe_load_all(text) if each]


def judge(found: Iterable[Object]) -> None:
    """Holds each object to its schema, of the newest Kubernetes and of an older one; unknown keys are faults."""
    for each in found:
        if each["kind"] in FOREIGN:
            continue
        for version in (kubernetes_validate.latest_version(), "1.30.0"):
            kubernetes_validate.validate(each, version, strict=True)


def only(found: Iterable[Object], kind: str, name: str | None = None) -> Object:
    """The one object of the kind."""
    (one,) = [each for each in found if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    return one


def pods(found: Iterable[Object]) -> list[Object]:
    """Everything that has a pod's specification, as `metadata` and `spec`."""
    return [each["spec"]["template"] if each["kind"] == "Deployment" else each for each in found if _has_pod(each)]


def _has_pod(one: Object) -> bool:
    return one["kind"] in ("Deployment", "Pod")


def gateway_container(pod: Object) -> Object:
    """The container that runs Ostiary, beside the application's or not."""
    containers: list[Object] = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    (one,) = [each for each in containers if each["name"] == "ostiary"]
    return one


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def security(pod: Object) -> Object:
    """What counts for Ostiary's container: the pod's, and its own over it."""
    return {**pod["spec"].get("securityContext", {}), **gateway_container(pod)["securityContext"]}


def loaded(text: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration of a ConfigMap, with files where it has them in a pod."""
    files = throwaway_authority(home).files
    assert files is not None
    for path, source in {
        "tls/tls.crt": files.server_certificate, "tls/tls.key": files.server_key, "ca.crt": files.ca,
        "authority/ca.crt": files.ca,
    }.items():  # fmt: skip
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_bytes(source.read_bytes())
    (home / "admin").mkdir(exist_ok=True)
    (home / "admin/token").write_text("0123456789abcdef0123456789abcdef")
    (home / "admin/token").chmod(0o600)
    monkeypatch.setenv(
        "OSTIARY_SERVER", "ldaps://directory.example.org" if "ldaps" in _mode(text) else "ldap://directory"
    )
    return parse(re.sub(r'/etc/(ostiary|directory-ca)/|(?<=")/(?=tls/)', f"{home}/", text), home)


def _mode(text: str) -> str:
    """How the upstream of a configuration is reached, as it is written."""
    return text.partition("[[upstreams]]")[2]
