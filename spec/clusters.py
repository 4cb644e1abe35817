"""Where a cluster comes from, as a stack file states it."""

from typing import Annotated, Literal

from pydantic import Field

from spec.model import SpecModel
from spec.vocabulary import Slug, Title


class EmbeddedCluster(SpecModel):
    """The cluster that Storefleet starts itself."""

    source: Literal["embedded"] = "embedded"
    """embedded: started by ``make up`` on this machine."""
    pods: Literal["simulated", "real"] = "simulated"
    """On which nodes pods are: those that run nothing, or the real one (Linux and root), where they do run."""
    stands_in_for: Slug | None = None
    """The embedded environment, by a name of one's own, that this one takes over from when that is lost: the copies of
    its backups are in object_store."""


class GivenCluster(SpecModel):
    """A cluster that is already there."""

    source: Literal["kubeconfig"]
    """kubeconfig: any cluster that a kubeconfig file leads to."""
    path: Title
    """Path of the kubeconfig file; its content never enters the state."""
    context: Title | None = None
    """Context in that file; its current one unless stated."""


class EksCluster(SpecModel):
    """The cluster that the environment's AWS side makes."""

    source: Literal["eks"]
    """eks: made in the account and region under aws."""


Cluster = Annotated[EmbeddedCluster | GivenCluster | EksCluster, Field(discriminator="source")]
