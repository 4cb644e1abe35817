"""The explicit providers through which everything in AWS is created: one for each region."""

from typing import Final

import pulumi_aws as aws

from components.cloud.plan import REHEARSED_SERVICES, CloudPlan

_MADE_UP: Final = "rehearsal"


def aws_provider(name: str, plan: CloudPlan, region: str) -> aws.Provider:
    """Return the provider of one region. It refuses any account but the plan's, whatever the shell offers.

    A rehearsal's provider sends everything to the simulated AWS with made-up credentials, so none of the shell's
    can be used by mistake.
    """
    if plan.endpoint is None:
        return aws.Provider(name, region=region, allowed_account_ids=[plan.account])
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=[plan.account],
        access_key=_MADE_UP,
        secret_key=_MADE_UP,
        skip_credentials_validation=True,
        skip_metadata_api_check=True,
        skip_region_validation=True,
        s3_use_path_style=True,
        endpoints=[aws.ProviderEndpointArgs(**dict.fromkeys(REHEARSED_SERVICES, plan.endpoint))],
    )
