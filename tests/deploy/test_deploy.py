"""The container file and the manifests for Kubernetes, as far as they can be examined without a registry or cluster."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from freehold.sandbox import lockdown

TOP = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("freehold")
CONTAINERFILE = (TOP / "Containerfile").read_text("utf-8").replace("\\\n", " ")
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((TOP / "deploy/kubernetes/freehold.yaml").read_text("utf-8")))
POD = MANIFESTS[0]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


def instruction(name: str) -> str:
    """The last instruction of a kind."""
    return re.findall(rf"^{name} (.*)$", CONTAINERFILE, re.MULTILINE)[-1]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_a_manifest_is_what_kubernetes_expects(manifest: dict[str, Any]) -> None:
    for version in ("1.30", "1.34"):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_pod_is_restricted() -> None:
    """The profile *restricted* of the pod security standards, and a root file system that is read only."""
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not POD.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert {kind for volume in POD["volumes"] for kind in volume} == {"name", "emptyDir", "secret"}


def test_both_agree() -> None:
    assert instruction("USER") == f"{POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}"
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert set(json.loads(instruction("VOLUME"))) == mounts
    assert int(instruction("EXPOSE")) == CONTAINER["ports"][0]["containerPort"]
    places = dict(pair.split("=") for pair in shlex.split(instruction("ENV")))
    assert {places["XDG_CACHE_HOME"], places["XDG_DATA_HOME"], places["TMPDIR"]} <= mounts


@pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel")
@pytest.mark.parametrize("arguments", [json.loads(instruction("CMD")), CONTAINER["args"]], ids=["container", "pod"])
def test_the_command_is_understood(arguments: list[str], tmp_path: Path) -> None:
    tokens = tmp_path / "http-tokens"
    subprocess.run([COMMAND, "serve", "token", "add", "x", "--file", tokens], check=True, capture_output=True)
    given = [argument.replace("/etc/freehold/http-tokens", str(tokens)) for argument in arguments]
    done = subprocess.run([COMMAND, *given, "--check"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_probed_is_there() -> None:
    paths = {CONTAINER[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    described = json.loads((TOP / "src/freehold/frontends/http/openapi.json").read_text("utf-8"))["paths"]
    assert paths <= described.keys()
    assert all(described[path]["get"]["security"] == [] for path in paths)
