"""The doors beside the host: what a tenant's routes and certificates may refer to.

A host that is checked helps little when the route next to it leads to Traefik's own interface, when an option named
`default` weakens everybody's TLS, or when a certificate for another's name is simply asked for.
"""

from typing import Final

from policy.admission.frame import BY_PLATFORM, Admission, Target, Validation, literal
from spec import labels

ISSUER_GROUP: Final = "cert-manager.io"
CERTIFIER: Final = "system:serviceaccount:cert-manager:cert-manager"
"""Who makes requests and orders of a Certificate that was admitted."""

_OWN: Final = "s.?namespace.orValue('') in ['', request.namespace] && !s.name.contains('@')"
_MIDDLEWARE: Final = (
    "addPrefix", "basicAuth", "buffering", "chain", "circuitBreaker", "compress", "contentType", "digestAuth",
    "grpcWeb", "headers", "inFlightReq", "ipAllowList", "passTLSClientCert", "rateLimit", "redirectRegex",
    "redirectScheme", "replacePath", "replacePathRegex", "retry", "stripPrefix", "stripPrefixRegex",
)  # fmt: skip
"""Kinds of middleware that send a request nowhere but where it goes anyway."""

REFERENCES: Final = Admission(
    rule="no-cross-tenant-ref",
    part="edge",
    why="A route to another provider's service, or an option that holds for all, reaches beyond its tenant.",
    roles=(labels.ROLE_TENANT, labels.ROLE_CELL),
    targets=(
        Target(
            groups=("traefik.io",),
            resources=(
                "ingressroutes",
                "middlewares",
                "middlewaretcps",
                "serverstransports",
                "serverstransporttcps",
                "tlsoptions",
                "tlsstores",
                "traefikservices",
            ),
        ),
    ),
    variables={
        "routes": "object.kind == 'IngressRoute' ? dyn(object).spec.?routes.orValue([]) : []",
        "strange": "variables.routes.filter(r, !(r.?services.orValue([]).all(s,"
        f" s.?kind.orValue('Service') == 'Service' && {_OWN}) &&"
        f" r.?middlewares.orValue([]).all(s, {_OWN}))).map(r, r.?match.orValue(''))",
        "parents": "object.kind == 'IngressRoute' ? dyn(object).spec.?parentRefs.orValue([]) : []",
        "kinds": "object.kind == 'Middleware' ? dyn(object).spec.map(k, k) : []",
    },
    validations=(
        Validation(
            expression="object.kind in ['IngressRoute', 'Middleware']",
            message="object.kind + ' is not allowed here: it holds for more than one route, or hides where one leads."
            " Fix: use IngressRoutes and Middlewares'",
        ),
        Validation(
            expression="variables.strange.size() == 0",
            message="'leads out of ' + request.namespace + ': ' + variables.strange.join('; ')"
            " + '. Fix: name Services and Middlewares of this namespace only, without @'",
        ),
        Validation(
            expression="variables.parents.size() == 0",
            message="'parentRefs put a route below one that others wrote. Fix: remove them'",
        ),
        Validation(
            expression=f"variables.kinds.all(k, k in {literal(_MIDDLEWARE)})",
            message="'sends requests elsewhere: ' +"
            f" variables.kinds.filter(k, !(k in {literal(_MIDDLEWARE)})).join(', ')"
            " + '. Fix: use a middleware that only limits or changes them'",
        ),
    ),
)

CERTIFICATES: Final = Admission(
    rule="ingress-host-owned",
    part="certificates",
    why="Traefik picks a certificate by the name that is asked for, whoever it belongs to.",
    roles=(labels.ROLE_TENANT,),
    targets=(
        Target(groups=(ISSUER_GROUP,), resources=("certificates", "certificaterequests", "issuers")),
        Target(groups=("acme.cert-manager.io",), resources=("orders", "challenges")),
    ),
    variables={
        "certificate": "object.kind == 'Certificate'",
        "domains": f"namespaceObject.?metadata.?annotations[?{literal(labels.DOMAINS)}].orValue('').split(',')",
        "spec": "variables.certificate ? dyn(object).spec : {}",
        "names": "variables.spec.?dnsNames.orValue([]) + (variables.spec.?commonName.orValue('') == '' ? [] :"
        " [variables.spec.commonName])",
        "foreign": "variables.names.filter(n, !(n in variables.domains))",
        "others": "['ipAddresses', 'uris', 'emailAddresses', 'otherNames', 'literalSubject'].filter(k,"
        " k in variables.spec && variables.spec[k] != [] && variables.spec[k] != '')",
    },
    validations=(
        Validation(
            expression=f"variables.certificate || request.userInfo.username == {literal(CERTIFIER)} ||"
            f" {BY_PLATFORM}",
            message="object.kind + ' is made by cert-manager alone. Fix: write a Certificate'",
        ),
        Validation(
            expression="variables.foreign.size() == 0",
            message="'not among the domains of this namespace: ' + variables.foreign.join(', ')"
            " + '. Fix: declare the domain in the file of the tenant, or correct dnsNames'",
        ),
        Validation(
            expression="variables.others.size() == 0 && !variables.spec.?isCA.orValue(false)",
            message="'a certificate of a tenant is for its host names and nothing else. Fix: remove isCA, and '"
            " + (variables.others.size() == 0 ? 'nothing more' : variables.others.join(', '))",
        ),
    ),
)
