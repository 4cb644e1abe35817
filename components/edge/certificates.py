"""A certificate of ACM, proved by records in zones of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import acm, route53
from pulumi_aws.acm.outputs import CertificateDomainValidationOption

from components.edge.plan import TTL_SECONDS, CertificatePlan


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """The plan, and the zones by name."""

    plan: CertificatePlan
    zone_ids: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class CertificateOutputs:
    """The certificate, once it is proved."""

    arn: pulumi.Output[str]


class Certificate(pulumi.ComponentResource):
    """The certificate, a record for each of its names, and the wait until AWS has seen them."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:edge:Certificate", name, None, opts)
        names = args.plan.names
        certificate = acm.Certificate(
            f"{name}/certificate",
            domain_name=names[0],
            subject_alternative_names=list(names[1:]) or None,
            validation_method="DNS",
            tags=dict(args.plan.tags),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        proofs = [
            route53.Record(
                f"{name}/proof-{host.replace('.', '-')}",
                zone_id=args.zone_ids[args.plan.zones[host]],
                name=_proof(certificate, host).apply(lambda option: option.resource_record_name or ""),
                type="CNAME",
                ttl=TTL_SECONDS,
                records=[_proof(certificate, host).apply(lambda option: option.resource_record_value or "")],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for host in names
        ]
        proved = acm.CertificateValidation(
            f"{name}/proved",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[proof.fqdn for proof in proofs],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.outputs = CertificateOutputs(arn=proved.certificate_arn)
        self.register_outputs({"arn": proved.certificate_arn})


def _proof(certificate: acm.Certificate, host: str) -> pulumi.Output[CertificateDomainValidationOption]:
    def find(
        options: Sequence[CertificateDomainValidationOption],
    ) -> CertificateDomainValidationOption:
        return next(option for option in options if option.domain_name == host)

    return certificate.domain_validation_options.apply(find)
