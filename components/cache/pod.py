"""The cache of a cell in a pod: one Valkey with a user a tenant. Where it is a service of AWS, see `plan`.

What is expected of it: sessions outlast a restart of the pod (every second at most is lost), and a node that goes
down is an outage of half a minute to some minutes, until the pod runs elsewhere in the zone of its volume. There is
no second copy. What its loss means: everybody signs in again, and nothing else is lost, because nothing else is kept
here. A full one refuses new sessions and evicts none (`noeviction`): who is signed in stays so.
"""

from typing import Any, Final

from components.cache.plan import PORT, access_of, in_pods
from components.database.images import VALKEY
from components.database.secrets import external_secret
from components.eks.storage import DATABASE_CLASS
from components.labelling import cell_labels
from components.manifests import KubeObject, manifest
from components.secrets.plan import CACHE_OPERATOR, CELL_PREFIX
from spec import labels
from spec.databases import DATABASES
from spec.environment import CellSpec, EnvironmentSpec
from spec.naming import CACHE, cell_namespace
from spec.quantity import memory_text, quantity_value

OPERATOR: Final = CACHE_OPERATOR
"""The user that looks after the server: probes, and reading the list of users anew."""
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
"""Annotation by which the engine does not wait until a pod runs: where nothing runs it would wait in vain."""

_USER: Final = 999
_USERS: Final = "/run/users"
_DATA: Final = "/data"
_ALIVE: Final = "/tmp/alive"  # noqa: S108 - the container's own
_OVERHEAD: Final = 2
"""Memory of the pod as a multiple of what the cache holds: copies while the log is rewritten."""

USERS: Final = (
    "user default off\n"
    f'user {OPERATOR} on #{{{{ index . "{CACHE_OPERATOR}" | sha256sum }}}} ~* &* +@all\n'
    f'{{{{ range $tenant, $password := . }}}}{{{{ if ne $tenant "{CACHE_OPERATOR}" }}}}'
    f"user {{{{ $tenant }}}} on #{{{{ $password | sha256sum }}}} {access_of('{{ $tenant }}')}\n"
    "{{ end }}{{ end }}"
)
"""The list of users, made where the passwords arrive: the server gets hashes. One user a tenant, none for nobody."""

CONFIGURATION: Final = """\
port {port}
bind * -::*
aclfile {users}/users.acl
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory {memory}
maxmemory-policy noeviction
timeout 0
tcp-keepalive 60
"""

_ASK: Final = f"valkey-cli -p {PORT} --user {OPERATOR} --no-auth-warning"
_RELOAD: Final = f"""\
known=""
while :; do
  now=$(sha256sum {_USERS}/users.acl)
  if [ "$now" != "$known" ] && [ "$({_ASK} ACL LOAD)" = OK ]; then known=$now; fi
  {_ASK} ping >/dev/null && touch {_ALIVE}
  sleep 5
done
"""


def plan_cache_pod(cell_id: str, cell: CellSpec, environment: EnvironmentSpec) -> tuple[KubeObject, ...]:
    """Plan the cache of a cell in a pod; nothing where it is a service of AWS. Tenants are not looked at."""
    if not in_pods(environment):
        return ()
    own = cell_labels(cell_id, cell, environment.name)
    pods = {"app.kubernetes.io/name": CACHE, labels.CELL: cell_id}
    namespace = cell_namespace(cell_id)
    memory = DATABASES[cell.tier].cache_memory
    configuration = CONFIGURATION.format(
        port=PORT, users=_USERS, data=_DATA, memory=int(quantity_value(memory))
    )

    def of(key: str, api_version: str, kind: str, name: str, why: str, **body: Any) -> KubeObject:  # noqa: ANN401
        written = manifest(
            api_version,
            kind,
            name,
            namespace=namespace,
            labels=own,
            annotations={SKIP_AWAIT: "true"} if kind in {"StatefulSet", "Service"} else None,
            **body,
        )
        return KubeObject(key=key, manifest=written, why=why)

    return (
        KubeObject(
            key="cache-users",
            manifest=external_secret(
                environment,
                namespace,
                f"{CACHE}-users",
                own,
                entry=f"{CELL_PREFIX}{cell_id}/cache",
                template={
                    "data": {
                        "users.acl": USERS,
                        "operator-password": f'{{{{ index . "{CACHE_OPERATOR}" }}}}',
                    }
                },
            ),
            why="A user a tenant, held to keys and channels that begin with its id; one entry of the store for all.",
        ),
        of(
            "cache-configuration",
            "v1",
            "ConfigMap",
            CACHE,
            f"Holds {memory_text(quantity_value(memory))} and refuses more; a write is on disk a second later.",
            data={"valkey.conf": configuration},
        ),
        of(
            "cache-service",
            "v1",
            "Service",
            CACHE,
            "One name for the cache, whichever node its pod is on.",
            spec={
                "type": "ClusterIP",
                "selector": pods,
                "ports": [{"name": "valkey", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
            },
        ),
        KubeObject(
            key="cache",
            manifest=_server(namespace, own, pods, environment, memory),
            why="Sessions, in one pod with a volume: a restart keeps them, and a loss signs everybody out.",
            after=("cache-users", "cache-configuration", "cache-service"),
        ),
    )


def _server(
    namespace: str, own: dict[str, str], pods: dict[str, str], environment: EnvironmentSpec, memory: str
) -> Any:  # noqa: ANN401 - a manifest
    bytes_ = quantity_value(memory)
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": memory_text(bytes_ * 4)}},
    }
    if environment.aws is not None:
        claim["storageClassName"] = DATABASE_CLASS
    limit = memory_text(bytes_ * _OVERHEAD)
    return manifest(
        "apps/v1",
        "StatefulSet",
        CACHE,
        namespace=namespace,
        labels=own,
        annotations={SKIP_AWAIT: "true"},
        spec={
            "serviceName": CACHE,
            "replicas": 1,
            "selector": {"matchLabels": pods},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "template": {
                "metadata": {"labels": {**own, **pods}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 30,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "runAsGroup": _USER,
                        "fsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [_valkey(memory, limit), _users()],
                    "volumes": [
                        {"name": "configuration", "configMap": {"name": CACHE}},
                        {"name": "users", "secret": {"secretName": f"{CACHE}-users"}},
                        {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}},
                    ],
                },
            },
            # With the server's defaults: it owns this list as a whole, and what a killed engine created could not
            # be applied again without them.
            "volumeClaimTemplates": [
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "data", "labels": dict(own)},
                    "spec": claim,
                    "status": {"phase": "Pending"},
                }
            ],
        },
    )


_CLOSED: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
_LIST: Final = {"name": "users", "mountPath": _USERS, "readOnly": True}


def _password() -> list[dict[str, Any]]:
    reference = {"name": f"{CACHE}-users", "key": "operator-password"}
    return [{"name": "REDISCLI_AUTH", "valueFrom": {"secretKeyRef": reference}}]


def _valkey(memory: str, limit: str) -> dict[str, Any]:
    return {
        "name": "valkey",
        "image": VALKEY,
        "command": ["valkey-server", "/etc/valkey/valkey.conf"],
        "env": _password(),
        "ports": [{"name": "valkey", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "50m", "memory": memory}, "limits": {"memory": limit}},
        "securityContext": dict(_CLOSED),
        "livenessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 10, "failureThreshold": 6},
        "readinessProbe": {
            "exec": {"command": ["sh", "-c", f'[ "$({_ASK} ping)" = PONG ]']},
            "periodSeconds": 5,
        },
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/valkey", "readOnly": True},
            dict(_LIST),
            {"name": "data", "mountPath": _DATA},
        ],
    }


def _users() -> dict[str, Any]:
    """Return the helper that has the server read its users anew when a tenant comes or a password changes."""
    recent = f"[ $(( $(date +%s) - $(stat -c %Y {_ALIVE}) )) -lt 60 ]"
    probe = {"exec": {"command": ["sh", "-c", recent]}, "periodSeconds": 20, "initialDelaySeconds": 20}
    return {
        "name": "users",
        "image": VALKEY,
        "command": ["sh", "-c", _RELOAD],
        "env": _password(),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": dict(_CLOSED),
        "livenessProbe": {**probe, "failureThreshold": 6},
        "readinessProbe": probe,
        "volumeMounts": [dict(_LIST), {"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - the container's own
    }
