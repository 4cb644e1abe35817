"""Which buckets an environment in AWS has, how long they keep what, and where copies of it are allowed to be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from components.iam import assume_by_service
from components.keys.plan import KeyPurpose
from components.storage.lifecycle import (
    WITH_CUSTOMERS,
    Lock,
    Rule,
    backup_lock,
    evidence_lock,
    evidence_rules,
    file_rules,
    log_rules,
    tidying,
)
from components.storage.policies import AUDIT_PREFIX, bucket_policy, replication_rights, trail_writes
from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import PREFIX, bucket_name, physical, role_name
from spec.environment import EnvironmentSpec
from spec.regions import REGIONS
from spec.vocabulary import EnvironmentName, Sensitivity


class Store(StrEnum):
    """The kinds of object that are kept, a bucket each; part of the bucket's name."""

    BACKUPS = "backups"
    FILES = "files"
    LOGS = "logs"
    STATIC = "static"
    EVIDENCE = "evidence"


@dataclass(frozen=True, kw_only=True)
class _Kind:
    key: KeyPurpose
    data_class: Sensitivity
    rules: Callable[[EnvironmentSpec], tuple[Rule, ...]]
    lock: Callable[[EnvironmentSpec], Lock] | None = None
    copied: bool = True
    timed: bool = False
    why: str


_KINDS: Final[Mapping[Store, _Kind]] = MappingProxyType(
    {
        Store.BACKUPS: _Kind(
            key=KeyPurpose.BACKUPS,
            data_class=Sensitivity.REGULATED,
            rules=lambda environment: (tidying(environment),),
            lock=backup_lock,
            timed=True,
            why=(
                "Backups of databases and files. Current ones never expire by age: whoever wrote them removes them, "
                "because only it knows which one a tenant that left may still come back from."
            ),
        ),
        Store.FILES: _Kind(
            key=KeyPurpose.DATA,
            data_class=Sensitivity.REGULATED,
            rules=file_rules,
            timed=True,
            why="Files of tenants, each under the name of its namespace.",
        ),
        Store.LOGS: _Kind(
            key=KeyPurpose.LOGS,
            data_class=Sensitivity.PERSONAL,
            rules=log_rules,
            copied=False,
            why="Logs, and the record of who did what. They are about this region, so no copy leaves it.",
        ),
        Store.STATIC: _Kind(
            key=KeyPurpose.DATA,
            data_class=Sensitivity.INTERNAL,
            rules=lambda environment: (tidying(environment),),
            why="Pictures and styles of the shops. They are served through the shop, never from the bucket.",
        ),
        Store.EVIDENCE: _Kind(
            key=KeyPurpose.EVIDENCE,
            data_class=Sensitivity.PERSONAL,
            rules=evidence_rules,
            lock=evidence_lock,
            why="What was released, by whom, with which result: nobody changes it afterwards.",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class BucketPlan:
    """One bucket. `key` is part of its URN, `name` the physical name."""

    key: str
    store: Store
    name: str
    region: str
    encryption: KeyPurpose
    policy: str
    rules: tuple[Rule, ...]
    lock: Lock | None
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class CopyPlan:
    """That everything in one bucket is copied to another. `timed`: within 15 minutes, and measured."""

    store: Store
    source: str
    target: str
    encryption: KeyPurpose
    timed: bool


@dataclass(frozen=True, kw_only=True)
class TrailPlan:
    """The record of who read or changed which object, and of every change of the account."""

    name: str
    prefix: str
    watched: tuple[str, ...]
    """What ARNs of objects begin with whose reading is recorded too."""


@dataclass(frozen=True, kw_only=True)
class StoragePlan:
    """All buckets, those with the copies, and how the copies are made."""

    account: str
    buckets: tuple[BucketPlan, ...]
    far_buckets: tuple[BucketPlan, ...]
    copies: tuple[CopyPlan, ...]
    role: str
    trust: str
    rights: str
    """Of the role that copies; empty without copies."""
    trail: TrailPlan
    found: Mapping[Store, str]
    """In the environment dr: the copies that are already in this region, by what they hold."""
    tags: Mapping[str, str]
    reasons: tuple[str, ...]


def plan_storage(environment: EnvironmentSpec, aws: AwsSpec) -> StoragePlan | None:
    """Plan the buckets of an environment; None where objects are kept in a store that is already there.

    Raises:
        ValueError: the second region is under another law than the first. The spec refuses that; data would
            leave their jurisdiction, so it is refused here as well.

    """
    if aws.object_storage == "given":
        return None
    far = aws.dr_region
    if far is not None and REGIONS[far].jurisdiction is not aws.jurisdiction:
        raise ValueError(f"{far} is not under the law of {aws.jurisdiction.value}: nothing is copied there")
    copies = () if far is None else tuple(_copies(environment, far))
    own = tuple(_bucket(environment, aws, store, aws.region) for store in Store)
    pairs = tuple((copy.source, copy.target, copy.encryption.value) for copy in copies)
    return StoragePlan(
        account=aws.account,
        buckets=own,
        far_buckets=()
        if far is None
        else tuple(_bucket(environment, aws, each.store, far) for each in copies),
        copies=copies,
        role=role_name(environment, "replication"),
        trust=assume_by_service("s3.amazonaws.com", account=aws.account),
        rights=replication_rights(environment, aws, far, pairs) if far is not None else "",
        trail=TrailPlan(
            name=physical(environment, "trail"),
            prefix=AUDIT_PREFIX,
            # Its own bucket is left out: every line that it writes would be a line to write.
            watched=tuple(
                f"arn:aws:s3:::{name}/"
                for name in (*(b.name for b in own if b.store is not Store.LOGS), *(c.target for c in copies))
            ),
        ),
        found=_found(aws),
        tags=tags(environment, data_class=Sensitivity.INTERNAL),
        reasons=_reasons(aws, copies),
    )


def _copies(environment: EnvironmentSpec, far: str) -> list[CopyPlan]:
    timed = environment.name in WITH_CUSTOMERS
    return [
        CopyPlan(
            store=store,
            source=bucket_name(environment, store.value),
            target=bucket_name(environment, store.value, region=far),
            encryption=kind.key,
            timed=kind.timed and timed,
        )
        for store, kind in _KINDS.items()
        if kind.copied
    ]


def _bucket(environment: EnvironmentSpec, aws: AwsSpec, store: Store, region: str) -> BucketPlan:
    kind = _KINDS[store]
    name = bucket_name(environment, store.value, region=region)
    further = trail_writes(environment, aws, name) if store is Store.LOGS else ()
    here = region == aws.region
    return BucketPlan(
        key=store.value if here else f"far-{store.value}",
        store=store,
        name=name,
        region=region,
        encryption=kind.key,
        policy=bucket_policy(name, *further),
        # A copy keeps as long as its source: S3 copies objects, and no rule about them.
        rules=kind.rules(environment),
        lock=None if kind.lock is None else kind.lock(environment),
        tags={
            **tags(environment, data_class=kind.data_class, residency=aws.jurisdiction),
            "Name": name,
        },
        why=kind.why if here else f"The copy in {region}, under the same law. {kind.why}",
    )


def _found(aws: AwsSpec) -> Mapping[Store, str]:
    if aws.stands_in_for is None:
        return MappingProxyType({})
    lost = f"{PREFIX}-{EnvironmentName.PRODUCTION.value}"
    return MappingProxyType(
        {
            store: f"{lost}-{store.value}-{aws.account}-{aws.region}"
            for store, kind in _KINDS.items()
            if kind.copied
        }
    )


def _reasons(aws: AwsSpec, copies: tuple[CopyPlan, ...]) -> tuple[str, ...]:
    law = aws.jurisdiction.value
    if copies:
        where = f"Copies go to {aws.dr_region} and nowhere else: it is under the law of {law}, as is {aws.region}."
    else:
        where = f"There are no copies in another region: every object stays in {aws.region}, under the law of {law}."
    return (
        where,
        (
            "Every bucket is closed to the public in all four ways, takes TLS 1.2 or newer only, keeps versions, and "
            "encrypts with a key of this account."
        ),
        (
            "Who reads and writes objects is recorded by a trail with signed digests, encrypted like the logs. Access "
            "logs of S3 itself may be lost or late, and can be delivered to no bucket with a key of one's own."
        ),
    )
