"""Images that the environment knows, wherever a tenant's pod is written.

A digest says that an image stays what it is, not that anybody here has seen it. Which images are known is data, not
policy: a ConfigMap with one line for each, `<name>@sha256:<digest>`, which the platform writes from the releases and
from `policy/image-lock.yaml` (`components/admission/known.py`). A release more changes that list and no policy. A name
and a digest count together: a known digest under another name comes from a place that nobody agreed on.

What has no digest is refused by the part of `image-digest`, which stands wherever this one does: a pod gets one refusal
for one fault.
"""

import re
from typing import Final

from policy.admission.frame import (
    BY_PLATFORM,
    NEW_OR_CHANGED,
    POD,
    WORKLOADS,
    Admission,
    Parameter,
    Target,
    Validation,
    literal,
)
from policy.admission.images import DIGEST, IMAGES
from spec import labels

LIST_NAMESPACE: Final = "kube-system"
"""Where the list is: a namespace that every cluster has, and in which no tenant or cell may write."""
LIST_NAME: Final = "storefleet-images"
LIST_KEY: Final = "images"

# RE2 and Python read these alike. A tag may stand before the digest for readers; it decides nothing.
_NAME: Final = r"^([^/:@\s]+(:[0-9]+)?/)?[^:@\s]+"
_PINNED: Final = _NAME + r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?" + DIGEST

_SHOWN: Final = 400
"""Most characters of the images that a refusal names: the server cuts what is longer than 5 KiB to nothing."""


def canonical(image: str) -> str:
    """Return an image as the list has it: its name without a tag, and its digest.

    Raises:
        ValueError: it has no digest.

    """
    name, digest = re.match(_NAME, image), re.search(DIGEST, image)
    if name is None or digest is None or not re.fullmatch(_PINNED, image):
        raise ValueError(f"{image!r} is not an image by its digest")
    return name[0] + digest[0]


_UNKNOWN: Final = (
    f"i.matches({literal(DIGEST)}) && !(i.matches({literal(_PINNED)})"
    f" && (i.find({literal(_NAME)}) + i.find({literal(DIGEST)})) in variables.known)"
)
_NEAR: Final = (
    "variables.known.filter(k, variables.strange.exists(i, k.startsWith("
    f"i.find({literal(_NAME)}) + '@') || k.endsWith(i.find({literal(DIGEST)}))))"
)


def _cut(text: str) -> str:
    return f"({text}.size() > {_SHOWN} ? {text}.substring(0, {_SHOWN}) + ' ...' : {text})"


PART: Final = Admission(
    rule="image-signed",
    part="known",
    why="What nobody released or verified does not run beside a shop's data, whoever asks for it.",
    roles=(labels.ROLE_TENANT,),
    targets=WORKLOADS,
    conditions={"new-or-changed": NEW_OR_CHANGED},
    variables={
        "pod": POD,
        "known": f"params.?data[?{literal(LIST_KEY)}].orValue('').split('\\n')",
        "strange": f"({IMAGES}).filter(i, {_UNKNOWN})",
        "said": "variables.strange.join(', ')",
        "near": f"{_NEAR}.join(', ')",
    },
    validations=(
        Validation(
            expression="variables.strange.size() == 0",
            message=f"'not an image that this environment knows: ' + {_cut('variables.said')} + '. Allowed: '"
            f" + (variables.near == '' ? 'what is' : {_cut('variables.near')} + ', and what else is')"
            f" + ' in the list (kubectl -n {LIST_NAMESPACE} get configmap {LIST_NAME} -o yaml). Fix: write one of"
            " them; or bring the image with a release under releases/, or its verified signature into"
            " policy/image-lock.yaml, and apply the platform'",
        ),
    ),
    parameter=Parameter.IMAGES,
)

LIST: Final = Admission(
    rule="image-signed",
    part="list",
    why="Who could write the list of known images could run anything; a controller that may write everything could.",
    roles=(),
    targets=(Target(groups=("",), resources=("configmaps",), operations=("CREATE", "UPDATE", "DELETE")),),
    # By the object and not by the request: one that deletes all of a collection names nothing.
    conditions={
        "the-list": f"request.namespace == {literal(LIST_NAMESPACE)} &&"
        f" (oldObject == null ? object : oldObject).metadata.?name.orValue('') == {literal(LIST_NAME)}",
    },
    validations=(
        Validation(
            expression=BY_PLATFORM,
            message="'the list of known images is the platform\\'s. Fix: bring the image with a release under"
            " releases/, or its verified signature into policy/image-lock.yaml, and apply the platform'",
        ),
    ),
)
