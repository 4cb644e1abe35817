"""The label keys that Storefleet puts on what it creates. Every other module takes them from here."""

from typing import Final

DOMAIN: Final = "storefleet.dev"

TENANT: Final = f"{DOMAIN}/tenant"
TIER: Final = f"{DOMAIN}/tier"
CELL: Final = f"{DOMAIN}/cell"
RING: Final = f"{DOMAIN}/ring"
CRITICALITY: Final = f"{DOMAIN}/criticality"
"""Of a tenant's namespace: what an hour without the shop costs. Alerts are routed by it."""
SEGMENT: Final = f"{DOMAIN}/segment"
RELEASE: Final = f"{DOMAIN}/release"
CALENDAR: Final = f"{DOMAIN}/calendar"
"""Of a tenant's project: the calendar whose sync windows it inherits."""
ENVIRONMENT: Final = f"{DOMAIN}/environment"
DATA_CLASS: Final = f"{DOMAIN}/data-class"
COST_CENTRE: Final = f"{DOMAIN}/cost-centre"
RESIDENCY: Final = f"{DOMAIN}/residency"
"""Of what holds data: the law under which they must stay, as in the tenants' files."""
OWNER: Final = f"{DOMAIN}/owner"
"""Who answers for it: an e-mail address."""
POOL: Final = f"{DOMAIN}/pool"
STATE: Final = f"{DOMAIN}/state"
"""Of a tenant's namespace: the state that was last applied. Delivery runs no process unless it is active."""

COPY: Final = f"{DOMAIN}/copy"
"""Of pods that work on a copy of a tenant's data: nothing outside the cluster is reached from them."""

JOB: Final = f"{DOMAIN}/job"
"""Of pods that back up or drill: the way to the object store is open to them, and to no other pod of a tenant."""

KEPT_DAYS: Final = f"{DOMAIN}/retention-days"
"""Annotation of a CronJob that backs a volume up: for how many days it keeps what it made."""

ROLE: Final = f"{DOMAIN}/role"
"""What a namespace is for: ``tenant``, ``cell`` or ``platform``."""
ROLE_TENANT: Final = "tenant"
ROLE_CELL: Final = "cell"
ROLE_PLATFORM: Final = "platform"

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY_VALUE: Final = "storefleet"
PART_OF: Final = "app.kubernetes.io/part-of"

NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""Set by the API server on every namespace; a tenant cannot change it, so policies select on it."""

DOMAINS: Final = f"{DOMAIN}/domains"
"""Annotation of a tenant's namespace: its domains, joined by commas. What routes a host is held to them."""

CONFIRM_DELETION: Final = f"{DOMAIN}/confirm-deletion"
"""Annotation without which nothing that holds data is deleted: ``<name of the object> <YYYY-MM-DD>``."""
