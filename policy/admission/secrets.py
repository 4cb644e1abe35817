"""A tenant reads its own part of the secret store.

External Secrets reads with its own identity, whoever asks: what it is asked for is all that stands between one
tenant's passwords and another's.
"""

from typing import Final

from policy.admission.frame import BY_PLATFORM, NEW_OR_CHANGED, Admission, Target, Validation, literal
from spec import labels

_PREFIX: Final = "storefleet/tenants/"
_TENANT: Final = f"namespaceObject.?metadata.?labels[?{literal(labels.TENANT)}].orValue('')"

PART: Final = Admission(
    rule="secret-source",
    why="External Secrets reads with one identity for all; the key that it is given decides whose secret it is.",
    roles=(labels.ROLE_TENANT,),
    targets=(
        Target(
            groups=("external-secrets.io", "generators.external-secrets.io"),
            resources=("externalsecrets", "pushsecrets", "secretstores"),
        ),
    ),
    variables={
        "prefix": f"{literal(_PREFIX)} + {_TENANT} + '/'",
        "spec": "object.kind == 'ExternalSecret' ? dyn(object).spec : {}",
        "keys": "variables.spec.?data.orValue([]).map(d, d.?remoteRef.?key.orValue(''))"
        " + variables.spec.?dataFrom.orValue([]).map(d, has(d.extract) ? d.extract.?key.orValue('') :"
        " has(d.find) ? d.find.?path.orValue('') : '')",
        "foreign": "variables.keys.filter(k, !k.startsWith(variables.prefix) || k.contains('..'))",
        "stores": "object.kind == 'ExternalSecret' ? [variables.spec.?secretStoreRef.?kind.orValue('SecretStore')] +"
        " variables.spec.?dataFrom.orValue([]).map(d, d.?sourceRef.?storeRef.?kind.orValue('SecretStore')) : []",
    },
    validations=(
        Validation(
            expression=f"object.kind != 'PushSecret' || {BY_PLATFORM}",
            message="'a PushSecret writes into the secret store. Fix: let the platform do it'",
        ),
        Validation(
            expression=f"object.kind != 'SecretStore' || {BY_PLATFORM} || !({NEW_OR_CHANGED})",
            message="'a SecretStore says where secrets come from, and as whom. Fix: use the one that the platform"
            " made here, which is named storefleet'",
        ),
        Validation(
            expression="variables.foreign.size() == 0",
            message="'not under ' + variables.prefix + ': ' + variables.foreign.join(', ') + '. Fix: keep the secret"
            " in the part of the tenant'",
        ),
        Validation(
            expression="variables.stores.all(k, k == 'SecretStore')",
            message="'reads through a store of the whole cluster. Fix: use the SecretStore of this namespace'",
        ),
    ),
)
