"""Which AWS an environment is made in: the one account that it names, or the simulated one of a rehearsal."""

import json
from datetime import date

import grpc
import pytest

from components.aws.asking import check_account
from components.cloud.component import aws_provider
from components.cloud.plan import ENDPOINT_VARIABLE, REHEARSED_SERVICES, plan_cloud, refused_by_aws
from components.cluster.plan import plan_cluster
from components.seams import existing_tenants, open_cloud, plan_seams
from spec.problems import SpecError
from tests.components import aws_samples, samples
from tests.components.recorder import record

pytestmark = pytest.mark.unit

HERE = "http://127.0.0.1:5555"
TODAY = date(2026, 11, 23)
IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"


def identity(account):
    return {
        IDENTITY: lambda args: {
            "accountId": account,
            "arn": "arn:aws:iam::1:user/x",
            "userId": "x",
            "id": "x",
        }
    }


def plan(variables=None, **changes):
    return plan_cloud(aws_samples.environment(**changes), variables or {})


def test_an_environment_without_aws_has_no_cloud():
    assert plan_cloud(samples.environment(), {ENDPOINT_VARIABLE: HERE}) is None


def test_the_provider_refuses_every_account_but_the_one_that_the_stack_names():
    (provider,) = record(lambda: aws_provider("aws", plan(), "eu-central-1"), stack="production").registered
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["111122223333"]
    assert provider.inputs["region"] == "eu-central-1"
    assert not {"accessKey", "secretKey", "endpoints"} & set(provider.inputs), "credentials are the shell's"


def test_a_rehearsal_sends_every_service_to_the_simulated_aws_with_made_up_credentials():
    rehearsed = plan({ENDPOINT_VARIABLE: HERE})
    (provider,) = record(lambda: aws_provider("aws", rehearsed, "eu-west-1"), stack="production").registered
    (endpoints,) = json.loads(provider.inputs["endpoints"])
    assert set(endpoints.values()) == {HERE}
    assert len(endpoints) == len(REHEARSED_SERVICES)
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["111122223333"], (
        "the refusal would go untested"
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://aws.example:5555",
        "http://10.0.0.7:5555",
        "http://localhost:5555",
        "http://127.0.0.1",
        "http://user:word@127.0.0.1:5555",
        "http://127.0.0.1:5555/elsewhere",
        "http://127.0.0.1.example:5555",
        "file:///etc/passwd",
        "127.0.0.1:5555",
        "http://127.0.0.1:99999",
    ],
)
def test_only_an_address_of_this_machine_stands_for_aws(address):
    with pytest.raises(SpecError, match="STOREFLEET_AWS_ENDPOINT: is not an address of this machine"):
        plan({ENDPOINT_VARIABLE: address})


def test_a_rehearsal_needs_a_cluster_that_can_be_reached(tmp_path):
    with pytest.raises(
        SpecError, match="name the kubeconfig of another in the variable STOREFLEET_KUBECONFIG"
    ):
        plan_cluster(aws_samples.environment(), tmp_path, {ENDPOINT_VARIABLE: HERE})


def test_a_given_kubeconfig_stands_for_eks(tmp_path):
    (tmp_path / "kubeconfig").write_text("clusters: []")
    variables = {"STOREFLEET_KUBECONFIG": str(tmp_path / "kubeconfig")}
    found = plan_cluster(aws_samples.environment(), tmp_path, variables)
    assert found.kubeconfig == tmp_path / "kubeconfig"
    assert plan_cluster(aws_samples.environment(), tmp_path, {}).kubeconfig is None
    assert plan_cluster(aws_samples.environment("dr", standby="absent"), tmp_path, variables) is None


@pytest.mark.parametrize(
    ("answer", "told", "way_out"),
    [
        ("operation error STS: api error ExpiredToken: The security token", "have expired", "aws sso login"),
        ("No valid credential sources found", "no credentials for AWS", "AWS_PROFILE"),
        ("AWS account ID not allowed: 999999999999", "of another account", "AWS_PROFILE"),
        ("api error InvalidClientTokenId: The security token is invalid", "does not accept", "sign in"),
        ("dial tcp: no route to host", "cannot be asked", "try again"),
    ],
)
def test_what_aws_refuses_is_told_with_the_way_on(answer, told, way_out):
    message = str(refused_by_aws(plan(), answer))
    assert message.startswith("stacks/Pulumi.production.yaml: aws.account: ")
    assert told in message
    assert way_out in message
    assert "nothing was changed" in message, "the reader would fear for half an environment"
    assert "111122223333" in message


def ask(account):
    def program():
        check_account(plan(), aws_provider("aws", plan(), "eu-central-1"))

    return record(program, stack="production", answers=identity(account))


def test_the_right_account_is_let_through():
    assert len(ask("111122223333").registered) == 1


def test_another_account_is_refused_before_anything_is_created():
    with pytest.raises(SpecError, match="of another account, and production is made in 111122223333 only"):
        ask("999999999999")


def test_an_answer_that_is_an_error_is_told_as_one():
    class Expired(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.UNKNOWN

        def details(self):
            return "api error ExpiredToken: renew it"

    def expired(args):
        raise Expired

    with pytest.raises(SpecError, match="have expired"):
        record(
            lambda: check_account(plan(), aws_provider("aws", plan(), "eu-central-1")),
            stack="production",
            answers={IDENTITY: expired},
        )


class Reader:
    """Stands in for an API server; `seen` is what its kubeconfig said."""

    seen: str | None = None

    def __init__(self, kubeconfig, context):
        Reader.seen = kubeconfig.read_text(encoding="utf-8")

    def items(self, path, **query):
        labels = {"tenant": "acme", "state": "active", "cell": "shared"}
        return [{"metadata": {"labels": {f"storefleet.dev/{key}": value for key, value in labels.items()}}}]


def tenants_of(clusters, tmp_path, monkeypatch):
    fleet = aws_samples.fleet()
    found = []
    monkeypatch.setattr(Reader, "seen", None)
    answers = identity("111122223333") | {
        "aws:eks/getClusters:getClusters": lambda args: {"names": clusters, "id": "x"},
        "aws:eks/getCluster:getCluster": lambda args: {
            "name": args["name"],
            "endpoint": "https://eks.example",
            "certificateAuthorities": [{"data": "Y2E="}],
        },
    }

    def program():
        seams = plan_seams(fleet, tmp_path, {}, TODAY)
        found.append(existing_tenants(fleet, seams, open_cloud(seams), Reader))

    record(program, stack="production", answers=answers)
    return found[0]


def test_a_cluster_that_aws_does_not_have_yet_holds_no_tenant(tmp_path, monkeypatch):
    assert tenants_of(["another"], tmp_path, monkeypatch) == {}


def test_the_tenants_of_a_cluster_in_aws_are_read_from_it_without_a_credential_on_disk(tmp_path, monkeypatch):
    assert set(tenants_of(["storefleet-production"], tmp_path, monkeypatch)) == {"acme"}
    assert "get-token" in Reader.seen
    assert "storefleet-production-operator" in Reader.seen
