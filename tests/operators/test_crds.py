"""Charts that are made of definitions."""

import json

import pytest
import yaml

from components.operators.crds import write_chart

pytestmark = pytest.mark.unit

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shops.example.dev", "annotations": {"made-by": "hand"}},
    "spec": {"description": "of the form {{ name }}"},
}


def files(folder):
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_definition_stays_when_its_release_goes(tmp_path):
    write_chart(tmp_path, "shops", "v1.0.0", [DEFINITION])
    text = (tmp_path / "templates" / "shops.example.dev.json.yaml").read_text()
    annotations = json.loads(text.replace('{{ "{{" }}', "{{"))["metadata"]["annotations"]
    assert annotations == {"made-by": "hand", "helm.sh/resource-policy": "keep"}, (
        "helm uninstall would delete the definition and everything that it defines"
    )


def test_braces_in_a_text_reach_the_cluster_as_they_are(tmp_path):
    write_chart(tmp_path, "shops", "v1.0.0", [DEFINITION])
    text = (tmp_path / "templates" / "shops.example.dev.json.yaml").read_text()
    assert "{{ name" not in text.replace('{{ "{{" }}', ""), "Helm would take the text for a template and fail"


def test_the_same_definitions_give_the_same_chart_and_dropped_ones_leave_it(tmp_path):
    write_chart(tmp_path, "shops", "v1.0.0", [DEFINITION])
    once = files(tmp_path)
    write_chart(tmp_path, "shops", "v1.0.0", [DEFINITION])
    assert files(tmp_path) == once, "a second run would see another chart, and upgrade it"
    write_chart(tmp_path, "shops", "v1.1.0", [])
    assert set(files(tmp_path)) == {"Chart.yaml"}
    assert yaml.safe_load((tmp_path / "Chart.yaml").read_text())["version"] == "1.1.0"
