"""Images by digest, wherever a pod is written."""

from typing import Final

from policy.admission.frame import NEW_OR_CHANGED, POD, WORKLOADS, Admission, Validation
from spec import labels

IMAGES: Final = (
    "variables.pod.containers.map(c, c.?image.orValue(''))"
    " + variables.pod.?initContainers.orValue([]).map(c, c.?image.orValue(''))"
    " + variables.pod.?ephemeralContainers.orValue([]).map(c, c.?image.orValue(''))"
    " + variables.pod.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))"
)
"""The images that a pod names, of the variable `pod`: of containers of every kind, and of volumes."""

DIGEST: Final = "@sha256:[0-9a-f]{64}$"
"""How an image ends that is pinned, as a regular expression of RE2 and of Python."""

PART: Final = Admission(
    rule="image-digest",
    why="A tag can come to mean something else between two starts of the same pod.",
    roles=(labels.ROLE_TENANT, labels.ROLE_CELL),
    targets=WORKLOADS,
    conditions={"new-or-changed": NEW_OR_CHANGED},
    variables={
        "pod": POD,
        "loose": f"({IMAGES}).filter(i, !i.matches('{DIGEST}'))",
    },
    validations=(
        Validation(
            expression="variables.loose.size() == 0",
            message="'not pinned by digest: ' + variables.loose.join(', ')"
            " + '. Fix: write registry/name@sha256:<64 hexadecimal digits>'",
        ),
    ),
)
