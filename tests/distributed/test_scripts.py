"""The scripts of docs/cluster are well formed, and what they ask of `attend` it understands."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from test_docs import understood

FOLDER = Path(__file__).parents[2] / "docs" / "cluster"


def test_the_script_for_slurm_is_a_script_and_its_command_is_understood():
    script = FOLDER / "slurm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    (command,) = re.findall(r"^ *attend (.*)$", script.read_text(), re.MULTILINE)
    assert understood(shlex.split(command))


def test_the_job_for_kubernetes_has_one_image_and_its_command_is_understood():
    job = yaml.safe_load((FOLDER / "rayjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    name, *words = shlex.split(job["spec"]["entrypoint"])
    assert name == "attend"
    assert understood(words)
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        (mount,) = container["volumeMounts"]
        assert container["image"] == "attend-ray"
        assert mount["name"] == pod["volumes"][0]["name"]
        assert all(word.startswith(mount["mountPath"]) for word in words if word.startswith("/"))
    assert f"rayproject/ray:{cluster['rayVersion']}-" in (FOLDER / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["slurm.sh", "rayjob.yaml", "Dockerfile"])
def test_the_page_names_each_script(name):
    assert f"](cluster/{name})" in (FOLDER.parent / "cluster.md").read_text()
