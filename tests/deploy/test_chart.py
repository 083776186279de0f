"""The Helm chart: values as their schema says; linted and rendered where helm is, and judged like the manifests."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from ..house.tree import ROOT
from .documented import shell
from .kubernetes import HARDENED, Object, gateway_container, judge, loaded, matches, objects, only, pods, security

CHART = ROOT / "deploy/helm/ostiary"
SIDECAR = CHART / "sidecar.values.yaml"
VALUES = {"gateway": [], "sidecar": ["--values", str(SIDECAR)]}
# helm by itself takes a version that the chart may not be for.
KUBERNETES = ("--kube-version", "1.34.0")
EVERYTHING = {
    "serviceMonitor": {"enabled": True},
    "certificate": {"enabled": True, "issuer": {"name": "corporate"}, "dnsNames": ["ldap.example.org"]},
    "networkPolicy": {"clients": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 389}]}]},
    "service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "annotations": {"a": "b"}},
    "environmentFrom": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "b", "key": "c"}}}],
    "podAnnotations": {"a": "b"}, "nodeSelector": {"a": "b"}, "imagePullSecrets": [{"name": "a"}],
    "tolerations": [{"operator": "Exists"}], "affinity": {"podAffinity": {}},
}  # fmt: skip
WRONG: list[dict[str, Any]] = [
    {"shape": "balcony"},
    {"replica": 3},
    {"ports": {"ldaps": 70000}},
    {"configuration": "listeners: []"},
    {"environment": {"OSTIARY_SERVER": 389}},
    {"certificate": {"enabled": True}},
    {"image": {"repository": "ostiary", "tga": "0.1.0"}},
    # A rule of a NetworkPolicy without ports is one for all ports, admin among them.
    {"ports": {"ldap": 0, "ldaps": 0, "admin": 9389}},
]
needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is absent: helm.sh/docs/intro/install")


def values(*files: Path) -> dict[str, Any]:
    """The chart's values with those of files over them, as Helm merges the top."""
    merged: dict[str, Any] = {}
    for each in (CHART / "values.yaml", *files):
        merged |= yaml.safe_load(each.read_text())
    return merged


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True, timeout=50)


def rendered(shape: str, *arguments: str) -> list[Object]:
    done = helm("template", "door", CHART, *KUBERNETES, *VALUES[shape], *arguments)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def over(tmp_path: Path, wanted: dict[str, Any]) -> list[str]:
    """The arguments that set values."""
    path = tmp_path / "values.json"
    path.write_text(json.dumps(wanted))
    return ["--values", str(path)]


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


@pytest.mark.parametrize("files", [[], [SIDECAR]], ids=["gateway", "sidecar"])
def test_values_follow_the_schema_and_configure_soundly(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    found = values(*files)
    jsonschema.validate(found, schema())
    config = loaded(found["configuration"], tmp_path, monkeypatch)
    assert found["terminationGracePeriodSeconds"] >= config.limits.drain_seconds + 10 + (
        found["preStopSeconds"] if found["shape"] == "gateway" else 0
    )


def test_schema_knows_every_value() -> None:
    assert set(schema()["properties"]) - {"global", "nameOverride"} == set(values())


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values(), **wrong}, schema())


@needs_helm
@pytest.mark.parametrize("shape", VALUES)
def test_chart_is_linted_strictly(shape: str) -> None:
    done = helm("lint", "--strict", CHART, *VALUES[shape])
    assert done.returncode == 0, done.stdout + done.stderr


@needs_helm
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_helm_refuses_wrong_values(wrong: dict[str, Any], tmp_path: Path) -> None:
    done = helm("template", "door", CHART, *KUBERNETES, *over(tmp_path, wrong))
    assert done.returncode != 0
    # Refused by the schema, and not because of the version of a cluster that nobody has.
    assert "specifications of the schema" in done.stderr


@needs_helm
def test_commands_of_the_document_work() -> None:
    (block,) = [each for each in shell("By Helm") if each.startswith("helm lint ")]
    commands = block.splitlines()
    assert len(commands) == 3
    for each in commands:
        version = () if "lint" in each else KUBERNETES
        done = subprocess.run([*shlex.split(each), *version], cwd=ROOT, capture_output=True, text=True, timeout=50)
        assert done.returncode == 0, done.stderr


@needs_helm
def test_gateway_has_everything_that_the_manifests_have(tmp_path: Path) -> None:
    found = rendered("gateway", *over(tmp_path, EVERYTHING))
    judge(found)
    assert {each["kind"] for each in found} == {
        "Certificate", "ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceMonitor",
    }  # fmt: skip
    (pod,) = pods(found)
    (plain,) = pods(objects((ROOT / "deploy/kubernetes/gateway.yaml").read_text()))
    assert {key: security(pod)[key] for key in HARDENED} == HARDENED
    for key in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources", "ports"):
        assert _sorted(gateway_container(pod)[key]) == _sorted(gateway_container(plain)[key]), key
    for each in found:
        if each["kind"] == "Service":
            assert matches(each["spec"]["selector"], pod["metadata"]["labels"])
    monitor = only(found, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert [each["metadata"]["name"] for each in found if each["kind"] == "Service"
            and matches(monitor, each["metadata"]["labels"])] == ["door-ostiary-admin"]  # fmt: skip


@needs_helm
def test_a_new_configuration_rolls_the_pods_only_where_it_should(tmp_path: Path) -> None:
    wanted = {"configuration": values()["configuration"] + "\n# new\n"}
    before, after = rendered("gateway"), rendered("gateway", *over(tmp_path, wanted))
    assert pods(before)[0]["metadata"] != pods(after)[0]["metadata"]
    before, after = (
        rendered("gateway", *over(tmp_path, {**each, "rollOnChange": False})) for each in ({}, wanted)
    )  # fmt: skip
    assert pods(before)[0]["metadata"] == pods(after)[0]["metadata"]


@needs_helm
def test_sidecar_stands_beside_the_application() -> None:
    found = rendered("sidecar")
    judge(found)
    assert {each["kind"] for each in found} == {"ConfigMap", "Deployment"}
    (pod,) = pods(found)
    assert [each["name"] for each in pod["spec"]["containers"]] == ["wiki"]
    (sidecar,) = pod["spec"]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert {key: security(pod)[key] for key in HARDENED} == HARDENED
    (plain,) = pods(objects((ROOT / "deploy/kubernetes/sidecar.yaml").read_text()))
    for key in ("livenessProbe", "startupProbe", "securityContext"):
        assert sidecar[key] == gateway_container(plain)[key], key


@needs_helm
def test_prometheus_finds_sidecars_by_their_pods_where_it_is_told_to(tmp_path: Path) -> None:
    assert "podMonitor" in schema()["properties"]
    wanted = {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}, "adminTokenSecret": "ostiary-admin"}
    found = rendered("sidecar", *over(tmp_path, wanted))
    judge(found)
    monitor = only(found, "PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (pod,) = pods(found)
    assert matches(monitor["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"])
    (plain,) = [each for each in objects((ROOT / "deploy/kubernetes/monitoring.yaml").read_text())
                if each["kind"] == "PodMonitor"]  # fmt: skip
    assert monitor["spec"]["podMetricsEndpoints"] == plain["spec"]["podMetricsEndpoints"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert gateway_container(pod)["ports"] == [{"name": endpoint["port"], "containerPort": values()["ports"]["admin"]}]
    # Without, the sidecar has no port: its endpoint is the pod's own.
    assert "ports" not in gateway_container(pods(rendered("sidecar"))[0])


@needs_helm
def test_another_chart_can_take_the_sidecar_for_its_own_pod(tmp_path: Path) -> None:
    chart = tmp_path / "wiki"
    (chart / "templates").mkdir(parents=True)
    (chart / "charts").mkdir()
    shutil.copytree(CHART, chart / "charts/ostiary")
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: wiki\nversion: 1.0.0\n")
    own = yaml.safe_load(SIDECAR.read_text())
    (chart / "values.yaml").write_text(json.dumps({"ostiary": {**own, "sidecar": {"containers": []}}}))
    (chart / "templates/pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: { name: wiki }\nspec:\n"
        '  initContainers:\n    - {{- include "ostiary.sidecar" .Subcharts.ostiary | nindent 6 }}\n'
        "  containers: [{ name: wiki, image: wiki }]\n"
        '  volumes:\n    - {{- include "ostiary.volume" .Subcharts.ostiary | nindent 6 }}\n'
    )
    done = helm("template", "own", chart, *KUBERNETES)
    assert done.returncode == 0, done.stderr
    found = objects(done.stdout)
    judge(found)
    assert {each["kind"] for each in found} == {"ConfigMap", "Pod"}
    assert only(found, "ConfigMap")["metadata"]["name"] in str(only(found, "Pod")["spec"]["volumes"])


def _sorted(value: Any) -> Any:
    return sorted(value, key=str) if isinstance(value, list) else value
