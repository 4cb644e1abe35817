"""A secret stays one: two passwords go through the engine, and are looked for in everything that is written down."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.project import Project
    from tests.isolation.client import Client

pytestmark = pytest.mark.integration

NAME = "secrets-canary"
SOURCE = Path(__file__).parent / "canary"


class Canaries(NamedTuple):
    """The program that ran with them, both passwords, and everything that the engine said."""

    program: Program
    configured: str
    generated: str
    said: str


def pulumi(program: Program, *arguments: str, given: str | None = None) -> str:
    engine = program.engine(STOREFLEET_KUBECONFIG=str(program.project.state.kubeconfig))
    done = subprocess.run(
        [str(engine.pulumi), *arguments, "--stack", "test", "--non-interactive"],
        cwd=program.folder,
        env=engine.environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def canaries(
    project: Project, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Canaries]:
    program = Program(project, SOURCE, tmp_path_factory.mktemp("canary"))
    configured = f"canary{secrets.token_hex(12)}"
    kubeconfig = str(project.state.kubeconfig)
    pulumi(program, "config", "set", "--secret", "password", given=configured)
    said = pulumi(program, "preview", "--diff", "--save-plan", "plan.json")
    outcome = program.run("up", STOREFLEET_KUBECONFIG=kubeconfig)
    assert outcome.status == 0, outcome.log.read_text()
    found = client.call("GET", f"/api/v1/namespaces/{NAME}/secrets/{NAME}").body["data"]
    assert base64.b64decode(found["configured"]).decode() == configured, "the canary never went through"
    generated = base64.b64decode(found["generated"]).decode()
    leak = program.run("preview", STOREFLEET_KUBECONFIG=kubeconfig, LEAK="1")
    assert leak.status != 0, "a password in plain sight was let through"
    said += leak.log.read_text() + outcome.log.read_text()
    said += pulumi(program, "preview", "--diff", "--json") + pulumi(program, "stack", "output", "--json")
    said += pulumi(program, "stack", "export") + pulumi(program, "preview", "--diff", "--refresh")
    yield Canaries(program, configured, generated, said)
    program.run("destroy", policy=False, STOREFLEET_KUBECONFIG=kubeconfig)
    pulumi(program, "stack", "rm", "--yes")


def forms(text: str) -> list[bytes]:
    """Return a secret as it may be written: plain, and in base64 as the API writes Secrets."""
    plain = text.encode()
    return [plain, base64.b64encode(plain).rstrip(b"=")[:-1]]


def test_no_file_of_the_environment_holds_a_password(
    project: Project, canaries: Canaries, figures: dict[str, int]
):
    """State, its backups and history, event logs, plans, configuration, logs of the control plane, etcd's files."""
    wanted = forms(canaries.configured) + forms(canaries.generated)
    looked, leaks = 0, []
    for folder in (project.state.root, canaries.program.folder):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and "plugins" not in path.parts:
                content = path.read_bytes()
                looked += 1
                leaks += [str(path.relative_to(project.root)) for form in wanted if form in content]
    assert not leaks, f"a password stands in {sorted(set(leaks))}"
    names = {path.name for path in project.state.engine.rglob("*")}
    assert "test.json" in names, "the state was not among the files"
    assert (canaries.program.folder / "plan.json").exists(), "the plan was not among the files"
    assert any(name.endswith("-up.events") for name in names), "the event log was not among the files"
    figures["files searched for canaries, 0 with one"] = looked


def test_the_engine_and_the_rules_say_no_password(canaries: Canaries):
    for form in forms(canaries.configured) + forms(canaries.generated):
        assert form.decode() not in canaries.said, "whoever reads the output of a run reads a password"
    assert "no-plaintext-secret" in canaries.said, "the rule that saw it has said nothing"
    assert "[secret]" in canaries.said, "the outputs were not shown at all"


def test_no_object_but_the_secret_itself_holds_a_password(client: Client, canaries: Canaries):
    def plain(value: object) -> bool:
        text = json.dumps(value)
        return any(form.decode() in text for one in canaries[1:3] for form in forms(one))

    inspected = 0
    for one in client.resources():
        if not one.namespaced or "/" in one.name:
            continue
        listed = client.call("GET", one.path)
        for item in listed.body.get("items", []):
            inspected += 1
            if one.name == "secrets" and item["metadata"]["name"] == NAME:
                assert plain(item["data"])
                assert not plain(item["metadata"]), (
                    "an annotation repeats the secret for whoever may read metadata"
                )
            else:
                assert not plain(item), f"{one.full} {item['metadata']['name']} holds a password"
    assert inspected > 100, "hardly anything was looked at"
