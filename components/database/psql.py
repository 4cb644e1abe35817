"""The pod of a job that says something to a cell's PostgreSQL and ends: its own psql, as nobody in particular."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.database.images import POSTGRES
from spec.naming import DATABASE_CLUSTER


def psql_pod(
    variables: Mapping[str, str],
    statements: Sequence[str],
    *,
    secrets: Sequence[tuple[str, Mapping[str, Any]]] = (),
    from_secrets: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the specification of a pod that runs statements, each in a transaction of its own, and ends.

    It checks the server's certificate against the authority of the cell. `secrets` are mounted at `/run/<name>`;
    `from_secrets` maps a variable to a Secret and a key of it.
    """
    told = {
        "PGHOST": f"{DATABASE_CLUSTER}-rw",
        **{key: value for key, value in variables.items() if key in {"PGUSER", "PGDATABASE"}},
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/run/authority/ca.crt",
        **{key: value for key, value in variables.items() if key not in {"PGUSER", "PGDATABASE"}},
        "PGCONNECT_TIMEOUT": "10",
    }
    authority = {"secretName": f"{DATABASE_CLUSTER}-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    volumes = [("authority", authority), *secrets]
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The user and group of the operator's images: psql refuses a key that others may read.
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 26,
            "runAsGroup": 26,
            "fsGroup": 26,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "psql",
                "image": POSTGRES,
                "command": [
                    "psql",
                    "--no-psqlrc",
                    "--set=ON_ERROR_STOP=1",
                    *(f"--command={statement}" for statement in statements),
                ],
                "env": [
                    *({"name": name, "value": value} for name, value in told.items()),
                    *(
                        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
                        for name, (secret, key) in (from_secrets or {}).items()
                    ),
                ],
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [
                    {"name": name, "mountPath": f"/run/{name}", "readOnly": True} for name, _ in volumes
                ],
            }
        ],
        "volumes": [{"name": name, "secret": dict(secret)} for name, secret in volumes],
    }
