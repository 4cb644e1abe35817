"""An S3 store on the node, where the plans look for it, with a key for each of those who write or read there."""

from __future__ import annotations

import json
import secrets
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.objectlockconfig import DAYS, ObjectLockConfig

from components.recovery.jobs import STORE_FIELDS
from local.node.images import table
from local.node.settings import HERE
from local.toolchain import build
from local.toolchain.catalog import VERSITYGW
from recovery.store.objects import Store
from tests.node.workloads.platform import ENVIRONMENT, secret

if TYPE_CHECKING:
    from tests.node.workloads.platform import Platform

GIVEN = ENVIRONMENT.object_store
NAMESPACE, PORT = GIVEN.namespace, GIVEN.port
NAME = str(urlsplit(GIVEN.endpoint).hostname).partition(".")[0]
ROOT = "storefleet-root"
_LOCK_DAYS = 1
_READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention")
_WRITE = ("s3:PutObject", "s3:PutObjectRetention", "s3:DeleteObject", "s3:AbortMultipartUpload")
_LOOK = (
    *("s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketLocation"),
    "s3:GetBucketObjectLockConfiguration",
)


@dataclass
class Objects:
    """The store as it runs: where this machine reaches it, and the secret halves of its keys."""

    address: str
    keys: dict[str, str] = field(default_factory=dict)
    policy: list[dict[str, Any]] = field(default_factory=list)

    def user(self, name: str, *, reads: str, writes: tuple[str, ...]) -> dict[str, str]:
        """Make somebody who reads and writes below prefixes, and return the fields of the Secret that says so."""
        self.keys[name] = secrets.token_hex(20)
        program = str(build.locate(VERSITYGW).path)
        told = ["--access", name, "--secret", self.keys[name], "--role", "user"]
        done = subprocess.run(
            [program, "admin", "--endpoint-url", f"http://{self.address}:{PORT}", "create-user", *told],
            env={"ADMIN_ACCESS_KEY_ID": ROOT, "ADMIN_SECRET_ACCESS_KEY": self.keys[ROOT]},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        bucket = f"arn:aws:s3:::{GIVEN.bucket}"
        for actions, resources in (
            (_LOOK, [bucket]),
            (_READ, [f"{bucket}/{reads}"]),
            (_WRITE, [f"{bucket}/{each}" for each in writes]),
        ):
            allowed = {"Effect": "Allow", "Principal": {"AWS": [name]}}
            self.policy.append({**allowed, "Action": list(actions), "Resource": resources})
        document = {"Version": "2012-10-17", "Statement": self.policy}
        self.client().set_bucket_policy(GIVEN.bucket, json.dumps(document))
        values = dict(zip(STORE_FIELDS, (name, self.keys[name]), strict=True))
        return {key: values[variable] for variable, key in STORE_FIELDS.items()}

    def client(self) -> Minio:
        return Minio(f"{self.address}:{PORT}", ROOT, self.keys[ROOT], secure=False, region="us-east-1")

    def store(self) -> Store:
        """Return the bucket as this machine sees it."""
        provider = StaticProvider(ROOT, self.keys[ROOT])
        return Store(f"http://{self.address}:{PORT}", GIVEN.bucket, credentials=provider)

    def keys_below(self, prefix: str) -> list[str]:
        return [
            str(each.object_name)
            for each in self.client().list_objects(GIVEN.bucket, prefix=prefix, recursive=True)
        ]


def started(shop: Platform) -> Objects:
    """Put the store on the node and return it when it is ready, with a bucket that keeps versions and locks them."""
    made = Objects("", {ROOT: secrets.token_hex(20)})
    label = {"kubernetes.io/metadata.name": NAMESPACE}
    shop.api.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": label}}
    )
    given = {"access": ROOT, "secret": made.keys[ROOT]}
    shop.api.apply(secret(NAME, NAMESPACE, given))
    for each in _program(shop.references[table.STORE.name]):
        shop.api.apply(each)
    shop.ready("apps/v1", "deployments", NAMESPACE, NAME)
    (pod,) = shop.pods(NAMESPACE)
    made.address = pod["status"]["podIP"]
    client = made.client()
    client.make_bucket(GIVEN.bucket, object_lock=True)
    client.set_object_lock_config(GIVEN.bucket, ObjectLockConfig("COMPLIANCE", _LOCK_DAYS, DAYS))
    return made


def _program(image: str) -> list[dict[str, Any]]:
    where, labels = {"name": NAME, "namespace": NAMESPACE}, {"app": NAME}
    folders = ("data", "versions", "accounts")
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "Never",
        "args": [
            *("--port", f":{PORT}", "--iam-dir", "/srv/accounts", "--quiet"),
            *("posix", "--versioning-dir", "/srv/versions", "/srv/data"),
        ],
        "env": [
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": NAME, "key": key}}}
            for variable, key in (("ROOT_ACCESS_KEY", "access"), ("ROOT_SECRET_KEY", "secret"))
        ],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            *({"name": each, "mountPath": f"/srv/{each}"} for each in folders),
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }
    pod = {
        **HERE,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": table.NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": each, "emptyDir": {}} for each in (*folders, "scratch")],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": where,
            "spec": {"selector": labels, "ports": [{"port": PORT}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": where,
            "spec": {
                "selector": {"matchLabels": labels},
                "strategy": {"type": "Recreate"},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]
