"""The rules of the pack, one module each. A new rule is a module with a `RULE` and a line in `RULES`."""

from typing import Final

from policy.frame import AnyRule
from policy.rules import (
    availability,
    backup_enabled,
    data_residency,
    dedicated_compute,
    eks_baseline,
    encryption_at_rest,
    explicit_provider,
    iam_sg_scoped,
    image_digest,
    image_signed,
    ingress_host_owned,
    ingress_tls,
    no_cross_tenant_ref,
    no_plaintext_secret,
    odoo_hardening,
    pod_restricted,
    rbac_least,
    rds_guard,
    required_labels,
    required_tags,
    resources_set,
    s3_private,
    sa_token,
    secret_source,
    service_exposure,
    stateful_protected,
    tenant_isolation,
    waivers_valid,
)

RULES: Final[tuple[AnyRule, ...]] = (
    # Between tenants.
    tenant_isolation.RULE,
    no_cross_tenant_ref.RULE,
    dedicated_compute.RULE,
    ingress_tls.RULE,
    ingress_host_owned.RULE,
    service_exposure.RULE,
    # What runs, and what it may do.
    rbac_least.RULE,
    sa_token.RULE,
    pod_restricted.RULE,
    resources_set.RULE,
    image_digest.RULE,
    image_signed.RULE,
    availability.RULE,
    odoo_hardening.RULE,
    # Secrets and data.
    no_plaintext_secret.RULE,
    secret_source.RULE,
    s3_private.RULE,
    encryption_at_rest.RULE,
    rds_guard.RULE,
    backup_enabled.RULE,
    data_residency.RULE,
    stateful_protected.RULE,
    # The cloud, and the program itself.
    eks_baseline.RULE,
    iam_sg_scoped.RULE,
    explicit_provider.RULE,
    waivers_valid.RULE,
    required_labels.RULE,
    required_tags.RULE,
)
