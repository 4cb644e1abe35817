"""A small compliant stack: the fixture of every test of the pack.

The same objects are judged in process (`harness`), by the pack as the engine starts it (`test_pack`) and in a
program for the real engine (`stacks`).
"""

from tests.policy.parts import (
    CANARY,
    CELL,
    COMMON,
    DATABASE_DIGEST,
    NAMESPACE,
    POD_SECURITY,
    RBAC,
    TENANT,
    Manifest,
    Stack,
    a_container,
    a_pod,
    a_template,
    an_init_container,
    an_object,
)

PLATFORM = {**COMMON, "storefleet.dev/role": "platform"}
CELL_NAMESPACE = "cell-north"


def baseline() -> Stack:
    """Return a tenant and its cell with everything that the rules ask for: nothing in it breaks one."""
    stack = Stack()
    _add_wall(stack)
    _add_configuration(stack)
    _add_workloads(stack)
    _add_routes(stack)
    _add_data(stack)
    _add_platform(stack)
    return stack


def _add_wall(stack: Stack) -> None:
    namespace = an_object("v1", "Namespace", NAMESPACE, namespace=None)
    namespace["metadata"]["labels"] |= {
        "storefleet.dev/role": "tenant",
        "storefleet.dev/ring": "2",
        **POD_SECURITY,
    }
    namespace["metadata"]["annotations"] = {"storefleet.dev/domains": "acorn.example,shop.acorn.example"}
    stack.add("namespace", namespace, protect=True)
    quota = {"requests.cpu": "4", "requests.memory": "8Gi", "limits.memory": "16Gi", "pods": "20"}
    stack.add("quota", an_object("v1", "ResourceQuota", "tenant", spec={"hard": quota}))
    limit = {
        "type": "Container",
        "default": {"cpu": "1", "memory": "512Mi"},
        "defaultRequest": {"cpu": "100m", "memory": "256Mi"},
    }
    stack.add("limits", an_object("v1", "LimitRange", "tenant", spec={"limits": [limit]}))
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    stack.add("default-deny", an_object("networking.k8s.io/v1", "NetworkPolicy", "default-deny", spec=deny))
    stack.add("allow", an_object("networking.k8s.io/v1", "NetworkPolicy", "allow", spec=_allowed()))
    rights = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]}
    stack.add("role", an_object(f"{RBAC}/v1", "Role", "team", rules=[rights]))
    binding = an_object(
        f"{RBAC}/v1",
        "RoleBinding",
        "team",
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": "team"},
        subjects=[{"apiGroup": RBAC, "kind": "Group", "name": "storefleet:tenant:acorn"}],
    )
    stack.add("team", binding)
    account = an_object("v1", "ServiceAccount", "odoo", automountServiceAccountToken=False)
    stack.add("service-account", account)


def _add_configuration(stack: Stack) -> None:
    configuration = (
        "[options]\nproxy_mode = True\nlist_db = False\ndbfilter = ^acorn$\ndb_password = False\n"
        "; admin_passwd = elsewhere\n"
    )
    stack.add("config", an_object("v1", "ConfigMap", "odoo", data={"odoo.conf": configuration}))
    stack.add("secret", an_object("v1", "Secret", "odoo", stringData={"db-password": CANARY}))
    entry = {"secretKey": "db", "remoteRef": {"key": "storefleet/tenants/acorn/db", "property": "password"}}
    reference = {"kind": "ClusterSecretStore", "name": "storefleet"}
    spec = {"secretStoreRef": reference, "target": {"name": "odoo-external"}, "data": [entry]}
    stack.add("external-secret", an_object("external-secrets.io/v1", "ExternalSecret", "odoo", spec=spec))


def _add_workloads(stack: Stack) -> None:
    zone = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "odoo"}},
    }
    web = a_pod(initContainers=[an_init_container()], topologySpreadConstraints=[zone])
    selector = {"matchLabels": {"app": "odoo"}}
    spec = {"replicas": 2, "selector": selector, "template": a_template(web)}
    stack.add("web", an_object("apps/v1", "Deployment", "web", spec=spec))
    budget = {"maxUnavailable": 1, "selector": selector}
    stack.add("budget", an_object("policy/v1", "PodDisruptionBudget", "web", spec=budget))
    job = {"template": a_template(a_pod(a_container("vacuum"), restartPolicy="Never"))}
    schedule = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
    stack.add("vacuum", an_object("batch/v1", "CronJob", "vacuum", spec=schedule))


def _add_routes(stack: Stack) -> None:
    ports = [{"name": "http", "port": 8069}]
    service = {"type": "ClusterIP", "selector": {"app": "odoo"}, "ports": ports}
    stack.add("service", an_object("v1", "Service", "web", spec=service))
    backend = {"service": {"name": "web", "port": {"number": 8069}}}
    rule = {
        "host": "acorn.example",
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    spec = {"rules": [rule], "tls": [{"hosts": ["acorn.example"], "secretName": "acorn-tls"}]}
    ingress = an_object("networking.k8s.io/v1", "Ingress", "web", spec=spec)
    ingress["metadata"]["annotations"] = {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}
    stack.add("ingress", ingress)
    route = {
        "kind": "Rule",
        "match": "Host(`shop.acorn.example`) && PathPrefix(`/websocket`)",
        "services": [{"name": "web", "port": 8069}],
    }
    body = {"entryPoints": ["websecure"], "routes": [route], "tls": {"secretName": "acorn-tls"}}
    stack.add("route", an_object("traefik.io/v1alpha1", "IngressRoute", "websocket", spec=body))


def _allowed() -> Manifest:
    def pods_of(namespace: str) -> Manifest:
        return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}

    dns = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [pods_of(NAMESPACE), pods_of("traefik")]}],
        "egress": [
            {"to": [pods_of(NAMESPACE)]},
            {"to": [pods_of("kube-system")], "ports": dns},
            {"to": [pods_of("cell-north")], "ports": [{"port": 5432}]},
        ],
    }


def _add_data(stack: Stack) -> None:
    claim = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "storefleet-files-fast",
    }
    stack.add("files", an_object("v1", "PersistentVolumeClaim", "files", spec=claim), protect=True)
    volume = {"name": "files", "persistentVolumeClaim": {"claimName": "files", "readOnly": True}}
    pod = a_pod(a_container("backup"), restartPolicy="Never", volumes=[volume])
    job = {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": a_template(pod)}}}
    backup = an_object("batch/v1", "CronJob", "backup", spec=job)
    backup["metadata"]["annotations"] = {"storefleet.dev/retention-days": "35"}
    stack.add("backup", backup)

    def in_cell(api_version: str, kind: str, name: str, **body: object) -> Manifest:
        return an_object(api_version, kind, name, namespace=CELL_NAMESPACE, labels=CELL, **body)

    namespace = an_object("v1", "Namespace", CELL_NAMESPACE, namespace=None, labels=CELL)
    namespace["metadata"]["labels"] |= {"storefleet.dev/role": "cell", **POD_SECURITY}
    stack.add("cell", namespace, protect=True)
    plugin = {
        "name": "barman-cloud.cloudnative-pg.io",
        "isWALArchiver": True,
        "parameters": {"barmanObjectName": "north", "serverName": "north-1"},
    }
    image = f"ghcr.io/cloudnative-pg/postgresql:18.1@{DATABASE_DIGEST}"
    rules = [
        "hostssl sameuser all all scram-sha-256",
        "hostssl postgres all all scram-sha-256",
        "host all all all reject",
    ]
    quorum = {"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": True}
    cluster = {
        "instances": 3,
        "imageName": image,
        "storage": {"size": "150Gi"},
        "plugins": [plugin],
        "postgresql": {"pg_hba": rules, "synchronous": quorum},
        "affinity": {"topologyKey": "topology.kubernetes.io/zone", "podAntiAffinityType": "required"},
        "enableSuperuserAccess": False,
    }
    stack.add("database", in_cell("postgresql.cnpg.io/v1", "Cluster", "north", spec=cluster), protect=True)
    catalogue = {
        "images": [{"major": 18, "image": image}],
        "componentImages": [
            {"key": "pgbouncer", "image": f"ghcr.io/cloudnative-pg/pgbouncer@{DATABASE_DIGEST}"}
        ],
    }
    stack.add("catalogue", in_cell("postgresql.cnpg.io/v1", "ImageCatalog", "north", spec=catalogue))
    pooler = {
        "cluster": {"name": "north"},
        "instances": 2,
        "type": "rw",
        "pgbouncer": {"poolMode": "transaction"},
    }
    stack.add("pooler", in_cell("postgresql.cnpg.io/v1", "Pooler", "north-web", spec=pooler))

    def of_tenant(kind: str, **more: object) -> Manifest:
        spec = {"cluster": {"name": "north"}, "name": "acorn", **more}
        own = {**TENANT, "storefleet.dev/state": "active"}
        return an_object(
            "postgresql.cnpg.io/v1", kind, NAMESPACE, namespace=CELL_NAMESPACE, labels=own, spec=spec
        )

    role = of_tenant("DatabaseRole", login=True, databaseRoleReclaimPolicy="retain")
    stack.add("tenant-role", role, protect=True)
    database = of_tenant("Database", owner="acorn", databaseReclaimPolicy="retain")
    stack.add("tenant-database", database, protect=True)
    destination = {
        "destinationPath": "s3://storefleet-backups/north",
        "s3Credentials": {"inheritFromIAMRole": True},
    }
    store = {"configuration": destination, "retentionPolicy": "35d"}
    kept = in_cell("barmancloud.cnpg.io/v1", "ObjectStore", "north", spec=store)
    stack.add("object-store", kept, protect=True)
    nightly = {
        "schedule": "0 0 2 * * *",
        "cluster": {"name": "north"},
        "method": "plugin",
        "pluginConfiguration": {"name": plugin["name"]},
    }
    stack.add("nightly", in_cell("postgresql.cnpg.io/v1", "ScheduledBackup", "north", spec=nightly))


def _add_platform(stack: Stack) -> None:
    def shared(api_version: str, kind: str, name: str, **body: object) -> Manifest:
        return an_object(api_version, kind, name, namespace=None, labels=PLATFORM, **body)

    parameters = {
        "type": "gp3",
        "encrypted": "true",
        "kmsKeyId": "arn:aws:kms:eu-central-1:111122223333:key/disks",
    }
    disks = shared(
        "storage.k8s.io/v1",
        "StorageClass",
        "storefleet-disks",
        provisioner="ebs.csi.aws.com",
        reclaimPolicy="Retain",
        parameters=parameters,
    )
    stack.add("disks", disks)
    provider = {"aws": {"service": "SecretsManager", "region": "eu-central-1"}}
    conditions = [{"namespaces": [NAMESPACE, CELL_NAMESPACE]}]
    spec = {"provider": provider, "conditions": conditions}
    stack.add("secret-store", shared("external-secrets.io/v1", "ClusterSecretStore", "storefleet", spec=spec))
    for plural, kind, group, version in FOREIGN:
        stack.add(f"{plural}-definition", _definition(plural, kind, group, version))
    images = {"images": [{"glob": "**"}], "authorities": [{"keyless": {"url": "https://fulcio.example"}}]}
    stack.add("verifier", shared("policy.sigstore.dev/v1beta1", "ClusterImagePolicy", "signed", spec=images))
    own = {"storefleet.dev/pool": "dedicated", "storefleet.dev/tenant": "acorn"}
    taint = {"key": "storefleet.dev/pool", "value": "dedicated", "effect": "NoSchedule"}
    pool = {"template": {"metadata": {"labels": own}, "spec": {"taints": [taint]}}}
    stack.add("nodes", shared("karpenter.sh/v1", "NodePool", "acorn", spec=pool))


FOREIGN = (
    ("clusterimagepolicies", "ClusterImagePolicy", "policy.sigstore.dev", "v1beta1"),
    ("nodepools", "NodePool", "karpenter.sh", "v1"),
)
"""Custom resources that the baseline needs and the embedded environment does not have: they bring their own
definitions."""


def _definition(plural: str, kind: str, group: str, version: str) -> Manifest:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return an_object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        f"{plural}.{group}",
        namespace=None,
        labels=PLATFORM,
        spec={"group": group, "scope": "Cluster", "names": names, "versions": [served]},
    )
