"""What a rehearsal runs on: a copy of the project, the simulated AWS, a control plane and an engine of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from cli.engine.installation import Installation, install
from cli.engine.run import Outcome, call, run
from components.database.images import PGBOUNCER, POSTGRES, VALKEY
from local.controlplane import control
from local.state import ROOT, State, write
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble
from tests.components.samples import RECOVERY
from tests.rehearsal import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from local.kube import KubeApi
    from local.progress import Progress

PLUGIN = "pulumi-resource-aws"
SERVER = "tests.rehearsal.simulated"
PYTHON = ROOT / ".venv-rehearsal" / "bin" / "python"
"""The environment of the group `rehearsal`: moto and the product need two versions of one library."""
PARALLEL = ("--parallel", "64")
"""The provider waits much, such as 15 s for each record, as if DNS were slow."""
VERIFIED = [image.partition("@")[2] for image in (POSTGRES, PGBOUNCER, VALKEY, RECOVERY["image"])]
RULES = {"image-signed": {"digests": VERIFIED}}
"""What of the policy pack is set otherwise: the images of the data layer count as verified. Before they run for
customers somebody has to verify them, and to say so in `policy/image-lock.yaml`."""
AT_THE_END = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""State is written when a run ends, not after each resource, which takes the engine most of its time for thousands
of them: a rehearsal that was killed begins anew. What `storefleet` itself runs in a rehearsal is not changed."""
LIMIT_SECONDS = 45 * 60.0
_SECONDS = 60
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def provider() -> Path | None:
    """Return the AWS provider that PATH leads to, or None."""
    found = shutil.which(PLUGIN)
    return Path(found) if found else None


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """A simulated AWS that runs."""

    address: str

    def lose(self, region: str) -> None:
        """Make a region unreachable; "" brings all back."""
        self._ask(f"lost?region={region}")

    def answers(self, region: str) -> bool:
        """Say whether a region answers whoever asks for its networks."""
        scope = f"Credential=rehearsal/20200101/{region}/ec2/aws4_request"
        request = urllib.request.Request(  # noqa: S310 - of this machine
            self.address,
            data=b"Action=DescribeVpcs&Version=2016-11-15",
            headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"},
        )
        try:
            with _OPENER.open(request, timeout=_SECONDS) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError:
            return False

    def expire(self, after: int | None) -> None:
        """Let the credentials expire after so many calls; None makes them good for ever."""
        self._ask(f"expire?after={'' if after is None else after}")

    def unknown(self) -> dict[str, int]:
        """Return the calls that nobody could answer, with how often each was made."""
        return dict(self._ask("unknown")["unknown"])

    def _ask(self, path: str) -> dict[str, Any]:
        with _OPENER.open(f"{self.address}/_rehearsal/{path}", timeout=_SECONDS) as answer:
            return json.load(answer)


@contextmanager
def simulated_aws(account: str, logs: Path) -> Generator[Cloud]:
    """Start the simulated AWS of an account on a free port of this machine, and end it afterwards."""
    if not PYTHON.exists():
        raise EnvironmentTrouble(f"{PYTHON} is not there: `make rehearse` makes it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "aws.log").open("w") as log:
        child = subprocess.Popen(
            [str(PYTHON), "-m", SERVER, str(port)],
            cwd=ROOT,
            env={**_bare(), "MOTO_ACCOUNT_ID": account},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            if f"of account {account} answers" not in child.stdout.readline():
                raise EnvironmentTrouble(f"the simulated AWS did not start: {logs / 'aws.log'}")
            yield Cloud(address=f"http://127.0.0.1:{port}")
        finally:
            child.terminate()
            child.wait(_SECONDS)
            child.stdout.close()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One stack's project and engine; everything is below `state.root`."""

    stack: str
    project: Path
    state: State
    engine: Installation
    api: KubeApi
    cloud: Cloud

    def run(self, progress: Progress, title: str, *arguments: str, policy: bool = False) -> Outcome:
        """Run the engine on the stack and return how it ended."""
        extra = ["--policy-pack", str(self.project / "policy")] if policy else []
        with progress.step(title) as step:
            words = [*arguments, "--stack", self.stack, *PARALLEL, *extra]
            engine = replace(self.engine, variables={**self.engine.variables, **AT_THE_END})
            outcome = run(engine, self.state, words, step, cwd=self.project, limit=LIMIT_SECONDS)
            counts = outcome.report.counts()
            step.result = ", ".join(f"{n} to {op}" for op, n in sorted(counts.items())) or "no changes"
        return outcome

    def ask(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine that may fail, with some more variables, and return how it ended."""
        return subprocess.run(
            [str(self.engine.pulumi), *arguments, "--non-interactive", "--color=never"],
            cwd=self.project,
            env={**self.engine.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    def outputs(self) -> dict[str, Any]:
        """Return what the stack exports."""
        return json.loads(
            call(self.engine, ["stack", "output", "--json", "--stack", self.stack], cwd=self.project)
        )

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the stack's state."""
        text = call(self.engine, ["stack", "export", "--stack", self.stack], cwd=self.project)
        return list((json.loads(text)["deployment"] or {}).get("resources") or [])

    def unprotect(self) -> None:
        """Lift every protection, so that a rehearsal can end with nothing left."""
        call(self.engine, ["state", "unprotect", "--all", "--yes", "--stack", self.stack], cwd=self.project)
        bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
        for each in self.api.items(bindings):
            self.api.delete(f"{bindings}/{each['metadata']['name']}")

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the environment that the stack's configuration states."""
        file = self.project / "stacks" / f"Pulumi.{self.stack}.yaml"
        document = _load(file)
        change(document["config"]["storefleet:environment"])
        _dump(document, file)


def make(
    stack: str,
    root: Path,
    cloud: Cloud,
    progress: Progress,
    *,
    tenants: Sequence[str] = (),
    beside: Bench | None = None,
) -> Bench:
    """Copy the project, start its control plane and put an engine together; nothing is applied yet.

    `tenants` are the files that the copy gets; all unless stated. `beside` is a bench whose state backend this one
    shares, as the environments of a project do.
    """
    project, state = root / "project", State(root / "state")
    state.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _copy(project, tenants)
    try:
        api = control.start(state, progress)
        return _made(stack, project, state, api, cloud=cloud, progress=progress, beside=beside)
    except BaseException:
        control.stop(state)
        raise


def _made(
    stack: str,
    project: Path,
    state: State,
    api: KubeApi,
    *,
    cloud: Cloud,
    progress: Progress,
    beside: Bench | None,
) -> Bench:
    engine = install(state, ensure(progress))
    source = project / "stacks" / f"Pulumi.{stack}.yaml"
    document = _load(source)
    environment = document["config"]["storefleet:environment"]
    if environment.get("aws"):
        installed.install(api, progress)
        environment["aws"]["operators"] = "installed"  # charts come from registries
        # The provider of the rehearsal is older than this property, and the environment is taken down at the end.
        environment["aws"]["kubernetes"]["deletion_protection"] = False
    document.pop("secretsprovider", None)
    document.pop("encryptedkey", None)
    _dump(document, source)
    rules = state.engine / "policy-config.json"
    write(rules, json.dumps(RULES))
    variables = {
        **{name: value for name, value in engine.variables.items() if name != "PULUMI_OPTION_CONFIG_FILE"},
        "PULUMI_OPTION_POLICY_PACK_CONFIG": str(rules),
        "STOREFLEET_KUBECONFIG": str(state.kubeconfig),
        **nowhere(cloud),
    }
    if beside is not None:
        shared = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE")
        variables |= {name: beside.engine.variables[name] for name in shared}
    engine = replace(engine, variables=variables)
    call(engine, ["stack", "init", stack, "--no-select"], cwd=project)
    return Bench(stack=stack, project=project, state=state, engine=engine, api=api, cloud=cloud)


def nowhere(cloud: Cloud) -> dict[str, str]:
    """Return the variables that lead to the simulated AWS, and to no other: this shell's credentials are not there."""
    given = ("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION", "AWS_PROFILE")
    return {
        **{name: "" for name in os.environ if name.startswith(given)},
        "STOREFLEET_AWS_ENDPOINT": cloud.address,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def clear(root: Path) -> None:
    """Remove what an earlier rehearsal left, which may have been killed: first its processes, then its folder."""
    control.stop(State(root / "state"))
    shutil.rmtree(root, ignore_errors=True)


def end(bench: Bench) -> None:
    """Stop the control plane; its folder is the caller's to remove."""
    control.stop(bench.state)


def _copy(target: Path, tenants: Sequence[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        unwanted = tenants and name.startswith("tenants/") and Path(name).stem not in tenants
        if source.is_file() and not unwanted:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def _bare() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_", "MOTO_"))
    }


def _load(file: Path) -> dict[str, Any]:
    return YAML().load(file.read_text())


def _dump(document: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as out:
        YAML().dump(document, out)
