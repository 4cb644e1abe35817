"""A tenant's pods and volumes take the classes and the nodes of its tier."""

from typing import Final

from policy.admission.frame import (
    CREATE,
    NEW_OR_CHANGED,
    POD,
    TIER,
    WORKLOADS,
    Admission,
    Target,
    Validation,
    literal,
)
from spec import labels
from spec.tiers import TIERS
from spec.vocabulary import Tier

_PRIORITY: Final = literal({tier.value: preset.priority_class.name for tier, preset in TIERS.items()})
_STORAGE: Final = literal({tier.value: preset.storage_class for tier, preset in TIERS.items()})

PART: Final = Admission(
    rule="dedicated-compute",
    why="What is paid for by one tenant (nodes, priority, fast disks) is not taken by another.",
    roles=(labels.ROLE_TENANT,),
    targets=(
        *WORKLOADS,
        Target(groups=("",), resources=("persistentvolumeclaims",), operations=CREATE),
    ),
    conditions={"new-or-changed": NEW_OR_CHANGED},
    variables={
        "tier": TIER,
        "claim": "object.kind == 'PersistentVolumeClaim'",
        "pod": f"variables.claim ? {{}} : {POD}",
        "priority": f"{_PRIORITY}[?variables.tier].orValue('')",
        "storage": f"{_STORAGE}[?variables.tier].orValue('')",
        "priorityAsked": "variables.pod.?priorityClassName.orValue('')",
        "storageAsked": "variables.claim ? dyn(object).spec.?storageClassName.orValue('') : ''",
    },
    validations=(
        Validation(
            expression="variables.priorityAsked in ['', variables.priority]",
            message="'the priority class ' + variables.priorityAsked + ' is not that of the tier '"
            " + variables.tier + '. Fix: write ' + variables.priority",
        ),
        Validation(
            expression="!variables.claim || variables.storageAsked == variables.storage",
            message="'the storage class \"' + variables.storageAsked + '\" is not that of the tier '"
            " + variables.tier + '. Fix: write ' + variables.storage",
        ),
        Validation(
            expression=f"variables.tier == {literal(Tier.DEDICATED.value)} ||"
            " variables.pod.?tolerations.orValue([]).all(t,"
            f" !(t.?key.orValue('') in ['', {literal(labels.POOL)}]))",
            message="'a toleration opens the dedicated nodes to the tier ' + variables.tier"
            " + '. Fix: remove it'",
        ),
        Validation(
            expression="request.operation != 'CREATE' || variables.pod.?nodeName.orValue('') == ''",
            message="'nodeName leads around the scheduler, and so around taints. Fix: remove it'",
        ),
    ),
)
