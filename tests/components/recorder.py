"""A monitor that writes down what a program registers.

The SDK's own mocks accept the same URN twice and lose grandparents, so both are kept here.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc

Answers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]
STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One `RegisterResource` request as the engine would get it."""

    type: str
    name: str
    urn: str
    parent: str  # URN; empty below the stack
    protect: bool
    provider: str
    providers: tuple[str, ...]
    timeouts: tuple[str, str, str]  # create, update, delete
    depends_on: tuple[str, ...]
    inputs: dict[str, Any] = field(repr=False)


class _Echo(mocks.Mocks):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._regions: dict[str, str] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == "pulumi:providers:aws":
            self._regions[args.name] = args.inputs["region"]
        if args.typ.startswith("aws:"):
            region = self._regions.get((args.provider or "").split("::")[-2:][0], "eu-central-1")
            return f"{args.name}-id", {**computed(args.typ, args.name, args.inputs, region), **args.inputs}
        return (f"{args.name}-id" if args.custom else None), args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token in self._answers, f"the program called {args.token}; it is expected to call nothing"
        return self._answers[args.token](args.args), []


def computed(type_: str, name: str, inputs: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return what AWS itself would say of a resource, as far as the project goes on with it."""
    service = type_.removeprefix("aws:").partition("/")[0]
    arn = f"arn:aws:{service}:{region}:111122223333:{name}"
    if type_ == "aws:s3/bucket:Bucket":
        arn = f"arn:aws:s3:::{inputs['bucket']}"
    found: dict[str, Any] = {"arn": arn, "keyId": f"{name}-key", "latestVersion": 1, "url": f"https://{name}"}
    if type_ == "aws:eks/cluster:Cluster":
        network = {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"}
        found |= {"endpoint": "https://eks.example", "certificateAuthority": {"data": "Y2E="}}
        return {**found, **inputs, "vpcConfig": network}
    return found


class Recorder(mocks.MockMonitor):
    """Records every registration, every `register_outputs` and what the stack exports."""

    def __init__(self, stack: str, answers: Answers) -> None:
        super().__init__(_Echo(answers))
        self.stack = stack  # the SDK keeps it for the main thread alone, and requests come from others
        self.exports: dict[str, Any] = {}
        self.registered: list[Registered] = []
        self.outputs: dict[str, dict[str, Any]] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Follow the engine's rule: the type names all its ancestors but the stack."""
        ancestors = parent.split("::")[2] + "$" if parent and f"::{STACK_TYPE}::" not in parent else ""
        return f"urn:pulumi:{self.stack}::storefleet::{ancestors}{type_}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        response = super().RegisterResource(request)
        if request.type != STACK_TYPE:
            limits = request.customTimeouts
            self.registered.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    urn=response.urn,
                    parent="" if f"::{STACK_TYPE}::" in request.parent else request.parent,
                    protect=request.protect,
                    provider=request.provider,
                    providers=tuple(sorted(request.providers)),
                    timeouts=(limits.create, limits.update, limits.delete),
                    depends_on=tuple(sorted(request.dependencies)),
                    inputs=rpc.deserialize_properties(request.object),
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        self.outputs[request.urn] = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)

    def named(self, name: str) -> Registered:
        """Return the one resource of that name."""
        (found,) = [one for one in self.registered if one.name == name]
        return found

    def inventory(self) -> list[str]:
        """List `type | name | parent | protect` of each resource; what has one parent stands together."""
        rows = sorted(
            (one.parent.rpartition("::")[2] or "-", one.name, one.type, one.protect)
            for one in self.registered
        )
        return [
            f"{kind} | {name} | {parent} | {'protect' if protect else '-'}"
            for parent, name, kind, protect in rows
        ]

    def duplicates(self) -> list[str]:
        """URNs that were registered more than once; the engine refuses them, the mocks do not."""
        return [urn for urn, count in Counter(one.urn for one in self.registered).items() if count > 1]


def record(
    program: Callable[[], object], *, stack: str = "local", answers: Answers | None = None
) -> Recorder:
    """Run a program against a recorder until all it started has finished; its exceptions come through.

    `answers` are what the program may ask for (function -> what it answers to its arguments).

    Never as a preview: there, unknown values make `apply` skip its function without a word.
    """
    recorder = Recorder(stack, answers or {})
    mocks.set_mocks(_Echo(answers or {}), project="storefleet", stack=stack, preview=False, monitor=recorder)

    def run() -> None:
        program()
        recorder.exports = dict(pulumi.runtime.get_root_resource().outputs)

    pulumi.runtime.test(run)()
    return recorder
