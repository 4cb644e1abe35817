"""What all components share: how a planned object becomes a child resource."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pulumi

from components.kube import KubeResource
from components.manifests import KubeObject


class Component(pulumi.ComponentResource):
    """A component that declares planned objects.

    Subclasses take `(name, args, opts=None)`, set `self.outputs` to a frozen dataclass and end with one
    `register_outputs`. A child's name is `<component>/<key>`; its options are made for it alone, so that
    nothing of the caller's options but the provider (which children inherit from their parent) reaches it.
    """

    def __init__(
        self, token: str, name: str, *, wait_seconds: int, opts: pulumi.ResourceOptions | None
    ) -> None:
        super().__init__(token, name, None, opts)
        self._component_name = name
        limit = f"{wait_seconds}s"
        self._timeouts = pulumi.CustomTimeouts(create=limit, update=limit, delete=limit)

    def declare(
        self,
        objects: Iterable[KubeObject],
        *,
        namespaces: Mapping[str, pulumi.Resource] = MappingProxyType({}),
        after: Iterable[pulumi.Resource] = (),
        operators: Sequence[pulumi.Resource] = (),
    ) -> dict[str, KubeResource]:
        """Declare the objects in their order, all of them `after` others, and return them by key.

        An object waits for its namespace: one declared before it here, or one of `namespaces` (by name); for
        those that it is planned after; and, where its kind is one that operators bring, for `operators`.
        Manifests hold plain strings, so without this the engine would see no order between them.
        """
        declared: dict[str, KubeResource] = {}
        known, after = dict(namespaces), tuple(after)
        for planned in objects:
            home = known.get(planned.meta.namespace or "")
            waits = [*after, *([] if home is None else [home])]
            waits += [declared[key] for key in planned.after]
            waits += operators if planned.custom else ()
            resource = KubeResource(
                f"{self._component_name}/{planned.key}",
                planned,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=waits,
                    protect=True if planned.protect else None,
                    custom_timeouts=self._timeouts,
                ),
            )
            if planned.kind == "Namespace":
                known[planned.meta.name] = resource
            declared[planned.key] = resource
        return declared
