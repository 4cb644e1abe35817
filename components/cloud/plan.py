"""Which account and regions of AWS an environment is made in, and how they are reached."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from spec.environment import EnvironmentSpec
from spec.problems import Problem, SpecError, printable, shown

ENDPOINT_VARIABLE: Final = "STOREFLEET_AWS_ENDPOINT"
"""Names the simulated AWS of a rehearsal, such as ``http://127.0.0.1:5555``; nothing else may stand here."""

REHEARSED_SERVICES: Final = (
    "acm", "autoscaling", "backup", "budgets", "ce", "cloudtrail", "cloudwatch", "ec2", "ecr", "efs", "eks",
    "elasticache", "elbv2", "events", "iam", "kms", "logs", "route53", "s3", "s3control", "scheduler",
    "secretsmanager", "sns", "sqs", "ssm", "sts",
)  # fmt: skip
"""Services that a rehearsal points at the simulated AWS, by the provider's names: all that the project uses.
One that is missing here would reach the real AWS, where the rehearsal's credentials are refused."""


@dataclass(frozen=True, kw_only=True)
class CloudPlan:
    """The account, its regions, and the simulated AWS in their place during a rehearsal."""

    environment: str
    account: str
    region: str
    dr_region: str | None
    endpoint: str | None

    @property
    def rehearsed(self) -> bool:
        """Whether nothing of this reaches AWS."""
        return self.endpoint is not None


def plan_cloud(environment: EnvironmentSpec, variables: Mapping[str, str]) -> CloudPlan | None:
    """Return where an environment's AWS side is made; None where it has none. `variables` are the process's.

    Raises:
        SpecError: the rehearsal's endpoint is not on this machine. Made-up credentials and whole environments
            are sent there, and an address elsewhere would be a way to take them somewhere else.

    """
    aws = environment.aws
    if aws is None:
        return None
    endpoint = variables.get(ENDPOINT_VARIABLE) or None
    if endpoint is not None and not _is_loopback(endpoint):
        problem = Problem(
            file=ENDPOINT_VARIABLE,
            message="is not an address of this machine",
            value=shown(endpoint),
            allowed="http://127.0.0.1:<port>, where the simulated AWS of a rehearsal listens",
            fix="unset the variable to use AWS itself",
        )
        raise SpecError([problem])
    return CloudPlan(
        environment=environment.name.value,
        account=aws.account,
        region=aws.region,
        dr_region=aws.dr_region,
        endpoint=endpoint,
    )


def _is_loopback(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        port, host = parts.port, ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return False
    whole = not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    return parts.scheme == "http" and port is not None and host.is_loopback and whole


_CREDENTIALS: Final = (
    ("ExpiredToken", "RequestExpired", "token included in the request is expired", "expired"),
    ("No valid credential", "no valid credential", "Unable to locate credentials", "NoCredentialProviders"),
    ("not allowed", "forbidden account"),
    ("InvalidClientTokenId", "SignatureDoesNotMatch", "AuthFailure", "AccessDenied"),
)


def refused_by_aws(plan: CloudPlan, answer: str) -> SpecError:
    """Return what a user is told when AWS (or its provider) refuses the very first question.

    Args:
        plan: where the environment is to be made.
        answer: the provider's words; they are shown, because only they say what exactly was wrong.

    """
    sign_in = (
        "sign in again, such as with: aws sso login; then run the same command: it goes on where it ended"
    )
    texts = (
        ("the credentials have expired", sign_in),
        ("there are no credentials for AWS", "sign in, or set AWS_PROFILE to a profile of the account"),
        (
            f"the credentials are of another account, and {plan.environment} is made in {plan.account} only",
            "set AWS_PROFILE to a profile of that account; or correct aws.account if the environment moved",
        ),
        ("AWS does not accept the credentials", "sign in with a principal that may read the account"),
    )
    message, fix = "AWS cannot be asked about the account", "try again; see what AWS said"
    for words, text in zip(_CREDENTIALS, texts, strict=True):
        if any(word in answer for word in words):
            message, fix = text
            break
    line = printable(" ".join(answer.split()))[:300]
    problem = Problem(
        file=f"stacks/Pulumi.{plan.environment}.yaml",
        field="aws.account",
        message=f"{message}; nothing was changed",
        value=f"{plan.account} in {plan.region}",
        allowed=f"credentials of the account {plan.account} (AWS said: {line})",
        fix=fix,
    )
    return SpecError([problem])
