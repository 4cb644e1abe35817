"""Which images pods of tenants and cells may run: signed with the environment's key, or verified when they were pinned.

The list of verified images is the one of the policy pack (`policy/image-lock.yaml`), so what the engine accepts
and what the cluster lets in are the same.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from components.admission.known import WARNED
from components.keys.plan import signing_key_arn
from components.labelling import environment_labels
from components.manifests import KubeObject, Manifest, manifest
from components.registry.plan import plan_registry
from policy.image_lock import LOCK, LockedImage
from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec

# The version in which the cluster stores them: another one would be converted by the operator's webhook at each look.
_API: Final = "policy.sigstore.dev/v1alpha1"


def image_policies(
    environment: EnvironmentSpec, aws: AwsSpec, verified: Sequence[LockedImage] = LOCK.images
) -> Iterator[KubeObject]:
    """Yield the policies by which the cluster decides; what none of them names is refused as well."""
    mode = "warn" if environment.name in WARNED else "enforce"
    own = plan_registry(environment, aws).address
    key = {"kms": f"awskms:///{signing_key_arn(environment, aws)}", "hashAlgorithm": "sha256"}
    yield KubeObject(
        key="images-own",
        manifest=_policy(
            environment,
            "storefleet-signed",
            mode=mode,
            images=[{"glob": f"{own}/**"}],
            authorities=[{"name": "release-key", "key": key}],
        ),
        why="What comes from our registry runs when it was signed with the environment's key.",
    )
    others = sorted(
        {f"{each.image}@{each.digest}" for each in verified if not each.image.startswith(f"{own}/")}
    )
    if others:
        yield KubeObject(
            key="images-verified",
            manifest=_policy(
                environment,
                "storefleet-verified",
                mode=mode,
                images=[{"glob": each} for each in others],
                authorities=[{"name": "image-lock", "static": {"action": "pass"}}],
            ),
            why="Images of others run by the digests whose signatures were verified when they were pinned.",
        )


def _policy(
    environment: EnvironmentSpec,
    name: str,
    *,
    mode: str,
    images: list[dict[str, str]],
    authorities: list[dict[str, object]],
) -> Manifest:
    spec = {"mode": mode, "images": images, "authorities": authorities}
    return manifest(_API, "ClusterImagePolicy", name, labels=environment_labels(environment.name), spec=spec)
