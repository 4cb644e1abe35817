"""The simulated AWS for its own tests, which run in the environment that has moto: `make test-aws`."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"
REGION = "eu-west-3"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nodes"
NETWORK = {
    "subnetIds": ["subnet-1", "subnet-2"],
    "endpointPublicAccess": False,
    "endpointPrivateAccess": True,
}


@pytest.fixture(scope="session")
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal.simulated", str(port)],
        cwd=ROOT,
        env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout.readline().startswith(f"the simulated AWS of account {ACCOUNT}")
        time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


@pytest.fixture
def aws(address):
    boto3 = pytest.importorskip("boto3", reason="moto has an environment of its own: make test-aws")
    config = pytest.importorskip("botocore.config")

    def client(service, region=REGION):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=address,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
            config=config.Config(retries={"max_attempts": 0}),
        )

    return client


@pytest.fixture
def cluster(aws, request):
    eks, name = aws("eks"), request.node.name[:40].replace("_", "-")
    eks.create_cluster(
        name=name,
        roleArn=ROLE,
        resourcesVpcConfig=NETWORK,
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        kubernetesNetworkConfig={"serviceIpv4Cidr": "172.20.0.0/16"},
    )
    yield name
    eks.delete_cluster(name=name)
