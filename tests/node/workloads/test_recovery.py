"""Backup, checkpoint, drill and restore of a tenant, as jobs of the plans, in pods of the cluster."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from contextlib import closing, contextmanager

import psycopg
import pytest
from rich.console import Console

from components.recovery.by_hand import checkpoint_command
from components.recovery.jobs import BACKUP, IDENTITY, IDENTITY_KEY, STORE_KEYS, drill_name
from components.recovery.plan import plan_recovery
from components.recovery.restore import AUTHORITY, CERTIFICATE, RESTORE, plan_restore, restore_job_name
from components.recovery.tenants import plan_tenant_backups
from local.node import images
from local.node.images import table
from local.progress import Progress
from recovery import catalogue
from recovery.store import keys
from recovery.store.sealing import generate
from spec import labels
from spec.naming import DRILLS, RESTORE_ROLE
from tests.components import samples
from tests.node.workloads import jobs, objects
from tests.node.workloads.figures import record
from tests.node.workloads.orders import Stream
from tests.node.workloads.platform import CELL, TENANT, eventually, secret

pytestmark = pytest.mark.integration
RELEASE = "2026.11.1"
ORDERS, FILES = 60, 12
TEST = "tests/node/workloads/test_recovery.py"
PROCESSES = ("odoo", "odoo-websocket", "odoo-cron")


@pytest.fixture(scope="module")
def identity():
    """A private key of the test's own, and the public half to which backups are sealed."""
    return generate()


@pytest.fixture(scope="module")
def store(shop, world):
    progress = Progress(Console(force_terminal=False))
    for image in (table.STORE, table.RECOVERY):
        with progress.step(f"image {image.name}"):
            made = images.build(image, progress)
        world.node.load(made)
        shop.references[image.name] = made.reference
    with progress.step("an S3 store"):
        return objects.started(shop)


@pytest.fixture(scope="module")
def environment(identity):
    return jobs.environment_for(identity[1])


@pytest.fixture(scope="module")
def tenant():
    return samples.tenant(TENANT)


@pytest.fixture(scope="module")
def planned(shop, store, identity, environment, tenant):
    """What the plans have of backups and drills, and the Secrets that a store of secrets would fill."""
    jobs.apply(shop, plan_tenant_backups(tenant, environment))
    jobs.apply(shop, plan_recovery(environment, [tenant]).objects)
    own = store.user("acme-backups", reads=f"{shop.tenant}/*", writes=(f"{shop.tenant}/*",))
    shop.api.apply(secret(STORE_KEYS, shop.tenant, own))
    drills = store.user("drills", reads="*", writes=("t-*/drills/*",))
    shop.api.apply(secret(STORE_KEYS, DRILLS, drills))
    shop.api.apply(secret(IDENTITY, DRILLS, {IDENTITY_KEY: identity[0]}))
    return environment


def ask(shop, method, path, body=None):
    with closing(http.client.HTTPConnection(shop.address("web"), 8069, timeout=60)) as connection:
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def ordered(shop, many, name):
    """Let tills order until so many orders are confirmed, and return the references of all that are."""
    with Stream(lambda: shop.address("web"), name=name) as stream:
        eventually(f"{many} confirmed orders", lambda: stream.count() >= many)
    return set(stream.confirmed)


def attached(shop, many):
    """Keep so many files and return their content by their numbers."""
    made = {}
    for each in range(many):
        content = hashlib.sha512(f"{time.time()}-{each}".encode()).digest() * (1 + 700 * (each % 3))
        status, said = ask(shop, "POST", "/web/binary/upload_attachment", content)
        assert status == 201, said
        made[json.loads(said)["id"]] = content
    return made


@contextmanager
def on_primary(shop):
    """Connect to the primary directly, as the tenant."""
    name = shop.cluster()["currentPrimary"]
    (pod,) = [each for each in shop.pods(shop.cell) if each["metadata"]["name"] == name]
    with psycopg.connect(
        host=pod["status"]["podIP"],
        user=TENANT,
        dbname=TENANT,
        password=shop.password("role"),
        sslmode="require",
        connect_timeout=20,
    ) as connection:
        yield connection


def kept(shop, query="SELECT client_order_ref FROM sale_order"):
    """Return the first column of what the primary answers."""
    with on_primary(shop) as connection:
        return {row[0] for row in connection.execute(query)}


def read(shop, namespace, name):
    """Return the fields of a Secret; None for one that is not there."""
    found = shop.api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
    return found and {key: base64.b64decode(each).decode() for key, each in found["data"].items()}


def scale(shop, many):
    """Stop the tenant's processes, or start them, and wait until that is done."""
    for name in PROCESSES:
        path = f"/apis/apps/v1/namespaces/{shop.tenant}/deployments/{name}"
        shop.api.merge(path, {"spec": {"replicas": many}})
    if many:
        for name in PROCESSES:
            shop.ready("apps/v1", "deployments", shop.tenant, name)
    else:
        eventually(
            "the end of the shop's pods",
            lambda: not [each for each in shop.pods(shop.tenant) if component(each)],
        )


def component(pod):
    """Return which of the tenant's processes a pod is; None for a job's."""
    return {"web", "websocket", "cron"} & {
        pod["metadata"]["labels"].get("app.kubernetes.io/component")
    } or None


@pytest.fixture(scope="module")
def backed_up(shop, planned):
    """Orders and files that were confirmed, and then the nightly backup, started by hand."""
    orders, files = ordered(shop, ORDERS, "before"), attached(shop, FILES)
    ended = jobs.start(shop, shop.tenant, BACKUP, "backup-first")
    return orders, files, ended


def test_a_backup_job_sends_a_tenants_orders_and_files_to_the_store_sealed(shop, store, backed_up):
    orders, files, ended = backed_up
    assert ended.complete, ended.said
    made = catalogue.chosen(store.store(), TENANT, catalogue.LATEST)
    assert len(made.files) >= len(files), "files of the shop are in no backup"
    rows = {table.name: table.rows for table in made.facts.tables}
    assert rows["sale_order"] >= len(orders), "orders of the shop are in no backup"
    below = store.keys_below(f"{shop.tenant}/")
    assert keys.manifest(TENANT, made.id) in below
    assert len([key for key in below if key.startswith(keys.files(TENANT))]) >= len(files)
    record(
        "A tenant is backed up by its job",
        TEST,
        {
            "seconds from the job's start to its end": f"{ended.seconds:.0f}",
            "orders, files": f"{rows['sale_order']}, {len(made.files)}",
            "stored": f"{made.stored_size / 1024**2:.2f} MiB in {len(below)} objects",
        },
        "The CronJob of the tenant's plan, started by hand, with the policies of the plan enforced: its pod reaches "
        "DNS, the cell and the store, with keys that open the tenant's own prefix. Most of the time goes into the "
        "start of pod and command.",
    )


@pytest.mark.usefixtures("planned")
def test_no_pod_of_a_tenant_but_that_of_the_backup_reaches_the_store(shop, store):
    probe = [
        "python3",
        "-c",
        f"import socket; socket.create_connection(({store.address!r}, {objects.PORT}), 5)",
    ]
    told = {"in the shop's pods": {}, "in the backup's": {labels.JOB: BACKUP}}
    ended = {name: jobs.run(shop, shop.tenant, each, probe) for name, each in told.items()}
    assert ended["in the backup's"].complete, ended["in the backup's"].said
    assert not ended["in the shop's pods"].complete, "whoever breaks into a shop reaches the backups"


@pytest.mark.usefixtures("backed_up")
def test_a_checkpoint_job_takes_a_backup_that_is_bound_to_a_release(shop, store):
    sent = store.keys_below(keys.files(TENANT))
    command = checkpoint_command(TENANT, RELEASE)
    ended = jobs.start(shop, shop.tenant, BACKUP, "checkpoint-first", command)
    assert ended.complete, ended.said
    made = catalogue.checkpoint_of(store.store(), TENANT, RELEASE)
    assert (made.kind, made.release) == ("checkpoint", RELEASE)
    again = set(store.keys_below(keys.files(TENANT))) - set(sent)
    assert not again, "files that the store has are sent again with every checkpoint"
    record(
        "A tenant's checkpoint is taken by a job",
        TEST,
        {
            "seconds from the job's start to its end": f"{ended.seconds:.0f}",
            "files, and of them sent again": f"{len(made.files)}, {len(again)}",
        },
        "The same pod as that of the backup, with another command. Files that the backup had sent are read back.",
    )


@pytest.mark.usefixtures("backed_up")
def test_a_drill_job_restores_a_backup_in_the_cluster_and_reports(shop, store):
    ended = jobs.start(shop, DRILLS, drill_name(CELL), "drill-first")
    assert ended.complete, ended.said
    (key,) = store.keys_below(f"{shop.tenant}/drills/")
    found = json.loads(store.store().bytes(key))
    assert found["result"] == "passed", found["reason"]
    record(
        "A cell's drill restores a backup in a pod",
        TEST,
        {
            "seconds from the job's start to its end": f"{ended.seconds:.0f}",
            "of them": ", ".join(f"{name} {each:.1f}" for name, each in found["seconds"].items()),
            "rows, files compared": "{rows}, {files}".format_map(found["checks"]["verified"]),
        },
        "The CronJob of the cell's plan, started by hand, in the closed namespace `drills`: a server of its own in the "
        "pod. It starts no Odoo: modules, users and sequences are looked at by SQL.",
    )


def test_a_tenant_that_lost_orders_and_files_is_restored_by_a_job_with_all_that_was_confirmed_before(  # noqa: PLR0917 - fixtures
    shop, store, backed_up, planned, tenant, identity
):
    orders, files, _ = backed_up
    later = ordered(shop, 10, "later")
    with on_primary(shop) as connection:
        connection.execute("DELETE FROM sale_order")
    removed = jobs.run(shop, shop.tenant, {}, ["sh", "-c", f"rm -r /filestore/{TENANT}/*"], claim=True)
    assert removed.complete, removed.said
    assert kept(shop) == set()
    lost = next(iter(files))
    assert ask(shop, "GET", f"/web/content/{lost}")[0] == 500, "the files were not damaged"

    made = catalogue.checkpoint_of(store.store(), TENANT, RELEASE)
    began = time.monotonic()
    scale(shop, 0)
    jobs.apply(shop, plan_restore(tenant, planned, made.id))
    certificate = eventually("the certificate of the restore", lambda: read(shop, shop.cell, CERTIFICATE))
    held = {IDENTITY_KEY: identity[0], "ca.crt": read(shop, shop.cell, AUTHORITY)["ca.crt"], **certificate}
    shop.api.apply(secret(RESTORE, shop.tenant, held))
    ended = jobs.wait(shop, shop.tenant, restore_job_name(made.id))
    assert ended.complete, ended.said
    scale(shop, 1)
    answered = (
        eventually("a shop that answers", lambda: ask(shop, "GET", "/orders")[0] == 200) and time.monotonic()
    )
    shop.api.delete(f"/apis/postgresql.cnpg.io/v1/namespaces/{shop.cell}/databaseroles/{RESTORE}")

    back = kept(shop)
    assert orders <= back, f"{len(orders - back)} orders that were confirmed before the backup are gone"
    assert not back & later, "what was ordered after the backup is there: it was not restored"
    wrong = [
        number
        for number, content in files.items()
        if ask(shop, "GET", f"/web/content/{number}") != (200, content)
    ]
    assert not wrong, f"{len(wrong)} files are not what was kept"
    eventually("the end of the role", lambda: RESTORE_ROLE not in kept(shop, "SELECT rolname FROM pg_roles"))
    assert ordered(shop, 10, "after") <= kept(shop), "the restored shop takes no orders"
    assert store.keys_below(f"{shop.tenant}/restores/"), "nothing says what was restored"
    record(
        "A tenant that lost its orders and files is restored by a job",
        TEST,
        {
            "seconds from the job's start to its end": f"{ended.seconds:.0f}",
            "seconds from stopping the shop until it answered again": f"{answered - began:.0f}",
            "orders confirmed before the backup, and of them lost": f"{len(orders)}, {len(orders - back)}",
            "files kept before the backup, and of them lost": f"{len(files)}, {len(wrong)}",
            "orders after the backup, which it does not have": f"{len(later)}",
        },
        "All orders were deleted and the folder of files was emptied. What `storefleet restore job` prints was "
        "applied: a role for the time of the restore, a way to the store, and a job in the tenant's namespace.",
    )
