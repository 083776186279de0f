"""The manifests: as Kubernetes' schemas want them, at one with themselves, and with configurations that are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..house.tree import ROOT
from .kubernetes import (
    FOREIGN,
    HARDENED,
    Object,
    gateway_container,
    judge,
    loaded,
    matches,
    objects,
    only,
    pods,
    security,
)

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))
WITH_PODS = ["gateway.yaml", "sidecar.yaml", "sidecar-classic.yaml"]


def read(name: str) -> list[Object]:
    return objects((FOLDER / name).read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_objects_follow_their_schemas(path: Path) -> None:
    judge(objects(path.read_text()))


def test_schemas_are_asked() -> None:
    (service, *_) = [each for each in read("gateway.yaml") if each["kind"] == "Service"]
    service["spec"]["prots"] = service["spec"].pop("ports")
    with pytest.raises(Exception, match="prots"):
        judge([service])


@pytest.mark.parametrize("name", WITH_PODS)
def test_the_gateway_has_no_right(name: str) -> None:
    for pod in pods(read(name)):
        assert {key: security(pod).get(key) for key in HARDENED} == HARDENED
        assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", WITH_PODS)
def test_configurations_are_sound(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(name)
    configuration = only(found, "ConfigMap")["data"]["ostiary.toml"]
    config = loaded(configuration, tmp_path, monkeypatch)
    (pod,) = pods(found)
    ports = {each["containerPort"] for each in gateway_container(pod).get("ports", [])}
    assert config.admin is not None
    if ports:
        assert ports == {each.address.port for each in config.listeners} | {config.admin.address.port}
    # What a drain takes, and as much again as the end itself does.
    assert pod["spec"]["terminationGracePeriodSeconds"] >= config.limits.drain_seconds + 10
    named = [each for each in gateway_container(pod).get("env", []) if f"${{env:{each['name']}}}" in configuration]
    assert len(named) == configuration.count("${env:")


@pytest.mark.parametrize("name", WITH_PODS)
def test_what_is_mounted_is_there(name: str) -> None:
    for pod in pods(read(name)):
        volumes = {each["name"] for each in pod["spec"]["volumes"]}
        assert {each["name"] for each in gateway_container(pod)["volumeMounts"]} == volumes
        assert "subPath" not in str(pod), "a single file is not replaced when its Secret is"


def test_selectors_find_the_pods() -> None:
    found = read("gateway.yaml")
    (pod,) = pods(found)
    labels = pod["metadata"]["labels"]
    selectors = [each["spec"]["selector"] for each in found if each["kind"] == "Service"]
    selectors += [
        only(found, kind)["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")
    ]
    selectors.append(only(found, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
    assert len(selectors) == 5
    assert all(each and matches(each, labels) for each in selectors)


def test_ports_are_called_what_others_call_them() -> None:
    found = read("gateway.yaml")
    (pod,) = pods(found)
    container = gateway_container(pod)
    ports = {each["name"] for each in container["ports"]}
    asked = {each["targetPort"] for one in found if one["kind"] == "Service" for each in one["spec"]["ports"]}
    asked |= {container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe", "startupProbe")}
    asked |= {port["port"] for rule in only(found, "NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]}
    assert asked == ports


def test_prometheus_finds_the_admin_service_and_its_token() -> None:
    found = read("gateway.yaml")
    monitor = only(read("monitoring.yaml"), "ServiceMonitor")["spec"]
    services = [
        each
        for each in found
        if each["kind"] == "Service" and matches(monitor["selector"]["matchLabels"], each["metadata"]["labels"])
    ]
    assert [each["metadata"]["name"] for each in services] == ["ostiary-admin"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["port"] in {each["name"] for each in services[0]["spec"]["ports"]}
    secrets = [
        each["secret"] for each in pods(found)[0]["spec"]["volumes"][0]["projected"]["sources"] if "secret" in each
    ]
    token = endpoint["authorization"]["credentials"]
    assert [(token["name"], token["key"])] == [
        (each["name"], each["items"][0]["key"]) for each in secrets if each["name"] == "ostiary-admin"
    ]
    certificate = only(read("certificate.yaml"), "Certificate")["spec"]
    assert certificate["secretName"] in {each["name"] for each in secrets}
    # The job that rules and dashboard ask for.
    assert services[0]["metadata"]["labels"][monitor["jobLabel"]] == "ostiary"


def test_kinds_without_a_schema_are_named() -> None:
    kinds = {each["kind"] for path in FILES for each in objects(path.read_text())}
    assert kinds >= FOREIGN


def test_both_sidecars_say_the_same_to_the_directory() -> None:
    native, classic = (only(read(name), "ConfigMap")["data"]["ostiary.toml"] for name in WITH_PODS[1:])
    assert 'mode = "ldaps"' in native
    assert 'mode = "ldaps"' in classic
    pods_ = [gateway_container(pods(read(name))[0]) for name in WITH_PODS[1:]]
    assert pods_[0]["securityContext"] == pods_[1]["securityContext"]
    assert pods_[0]["image"] == pods_[1]["image"]
