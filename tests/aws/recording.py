"""Records what AWS components register, with the identifiers that AWS would make up, and hands it to the pack."""

from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pulumi_random as random
from google.protobuf import struct_pb2
from pulumi.runtime import mocks
from pulumi_policy import PolicyProviderResource

from components.cloud.component import aws_provider
from components.cloud.plan import CloudPlan
from spec.environment import EnvironmentSpec
from tests.components import recorder
from tests.components.recorder import Recorder
from tests.policy.harness import Judged, urn_of

AWS = "pulumi:providers:aws"
PASSWORD = "c4nary-hunter2"
"""What every password comes out as: it must never be seen outside a secret."""


class _Amazon(mocks.Mocks):
    """Gives back what was put in, and the attributes that only exist once something does."""

    def __init__(self) -> None:
        self._regions: dict[str, str] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if not args.custom:
            return None, args.inputs
        if args.typ == AWS:
            self._regions[args.name] = args.inputs["region"]
        region = self._regions.get((args.provider or "").split("::")[-2:][0], "eu-central-1")
        identity = f"{args.name}-id"
        made = {
            **recorder.computed(args.typ, args.name, args.inputs, region),
            "keyId": identity,
            "zoneId": f"Z{args.name}",
            "dnsName": f"{args.name}.elb.example",
            "nameServers": ["ns-1.example"],
            "primaryEndpointAddress": f"{args.name}.cache.example",
            "repositoryUrl": f"registry.example/{args.inputs.get('name')}",
            "fqdn": str(args.inputs.get("name")),
            "certificateArn": f"arn:aws:acm:::{args.name}",
        }
        if args.typ == "random:index/randomPassword:RandomPassword":
            made["result"] = PASSWORD
        if args.typ == "aws:acm/certificate:Certificate":
            hosts = [args.inputs["domainName"], *(args.inputs.get("subjectAlternativeNames") or [])]
            made["domainValidationOptions"] = [
                {
                    "domainName": host,
                    "resourceRecordName": f"_proof.{host}",
                    "resourceRecordValue": "proof.acm.example",
                    "resourceRecordType": "CNAME",
                }
                for host in hosts
            ]
        return identity, {**made, **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program called {args.token}; it is expected to call nothing")


class AwsRecorder(Recorder):
    """A recorder that also keeps what each property comes from, and what stood in the clear."""

    def __init__(self, stack: str) -> None:
        super().__init__(stack, {})
        self.mocks = _Amazon()
        self.sources: dict[str, dict[str, list[str]]] = {}
        self.clear: dict[str, str] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        response = super().RegisterResource(request)
        self.sources[response.urn] = {
            name: list(found.urns) for name, found in request.propertyDependencies.items()
        }
        self.clear[response.urn] = _outside_secrets(request.object)
        return response


def _outside_secrets(value: Any) -> str:
    """Return all text of a request that is not wrapped as a secret of the engine."""
    if isinstance(value, struct_pb2.Struct):
        if recorder.rpc._special_sig_key in value.fields:
            return ""
        return "\n".join(_outside_secrets(item) for item in value.fields.values())
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "list_value":
        return "\n".join(_outside_secrets(item) for item in value.list_value.values)
    if kind == "struct_value":
        return _outside_secrets(value.struct_value)
    return ""


class Stage:
    """The providers that a component needs, in both regions."""

    def __init__(self, environment: EnvironmentSpec) -> None:
        found = environment.aws
        assert found is not None
        cloud = CloudPlan(
            environment=environment.name.value,
            account=found.account,
            region=found.region,
            dr_region=found.dr_region,
            endpoint=None,
        )
        self.near = aws_provider("near", cloud, found.region)
        self.far = aws_provider("far", cloud, found.dr_region) if found.dr_region else None
        self.chance = random.Provider("random")
        self.top = pulumi.ResourceOptions(providers=[self.near, self.chance])


def record_aws(environment: EnvironmentSpec, program: Callable[[Stage], object]) -> AwsRecorder:
    """Run a program against a recorder of AWS; its exceptions come through."""
    recorded = AwsRecorder(environment.name.value)
    mocks.set_mocks(_Amazon(), project="storefleet", stack=recorded.stack, preview=False, monitor=recorded)
    pulumi.runtime.test(lambda: program(Stage(environment)))()
    return recorded


def judged(recorded: AwsRecorder) -> Iterator[Judged]:
    """Yield what was recorded as the pack sees it once it is applied, providers included."""
    names = {one.urn: one.name for one in recorded.registered}
    for one in recorded.registered:
        if one.type.startswith("storefleet:"):
            continue
        provider = None
        if one.provider:
            urn = one.provider.rpartition("::")[0]
            kind, _, name = urn.rpartition("::")
            provider = PolicyProviderResource(
                kind.rpartition("::")[2], {}, urn_of(kind.rpartition("::")[2], name), name
            )
        sources = {
            key: [names[urn] for urn in urns if urn in names]
            for key, urns in recorded.sources[one.urn].items()
        }
        yield Judged(
            one.type, one.name, {**one.inputs, "id": f"{one.name}-id"}, provider, one.protect, sources
        )
