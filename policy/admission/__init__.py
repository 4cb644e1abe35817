"""What the API server itself refuses: the parts of rules that hold for whoever sends an object.

The rule pack sees what the engine creates. Whatever else writes to the cluster (a person with kubectl, a
controller, a chart) meets these parts, each of which belongs to one rule of the pack by the rule's name, and
becomes one ValidatingAdmissionPolicy in `components/admission`.
"""

from typing import Final

from policy.admission import (
    classes,
    deletion,
    edge,
    exposure,
    hosts,
    images,
    known,
    namespaces,
    secrets,
    walls,
)
from policy.admission.frame import Admission

ADMISSIONS: Final[tuple[Admission, ...]] = (
    images.PART,
    known.PART,
    known.LIST,
    hosts.PART,
    edge.CERTIFICATES,
    edge.REFERENCES,
    exposure.PART,
    classes.PART,
    namespaces.LABELS,
    namespaces.STANDARD,
    walls.PART,
    secrets.PART,
    deletion.PART,
)
"""Every part, in the order in which the policies are declared."""
