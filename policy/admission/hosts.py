"""A tenant answers for its own domains only.

The domains are an annotation of the tenant's namespace, which the platform alone writes: one object and one
lookup the less for each tenant, and nothing that a tenant could change.
"""

from typing import Final

from policy.admission.frame import Admission, Target, Validation, literal
from spec import labels

_HOST: Final = r"Host\(`[^`]+`\)"
_TERM: Final = r"!?[A-Za-z]+\(`[^`]*`(, ?`[^`]*`)*\)"
_ROUTE: Final = rf"^({_HOST}( \|\| {_HOST})*|({_HOST}|\({_HOST}( \|\| {_HOST})*\))( && {_TERM})+)$"
"""Hosts, alternatives to each other, narrowed by anything. Every way to match it passes one of its hosts; in
a free mixture of `||`, `!` and parentheses that could not be told without Traefik's own parser."""

_NARROWED: Final = "narrowed by && and further matchers"

PART: Final = Admission(
    rule="ingress-host-owned",
    why="Whoever routes a foreign host gets its visitors, their passwords and their orders.",
    roles=(labels.ROLE_TENANT, labels.ROLE_CELL),
    targets=(
        Target(groups=("networking.k8s.io",), resources=("ingresses",)),
        Target(groups=("traefik.io",), resources=("ingressroutes", "ingressroutetcps", "ingressrouteudps")),
    ),
    variables={
        "domains": f"namespaceObject.?metadata.?annotations[?{literal(labels.DOMAINS)}].orValue('')"
        ".split(',')",
        "routes": "object.kind == 'IngressRoute' ?"
        " dyn(object).spec.?routes.orValue([]).map(r, r.?match.orValue('')) : []",
        "hosts": "object.kind == 'Ingress' ?"
        " dyn(object).spec.?rules.orValue([]).map(r, r.?host.orValue('')) :"
        rf" variables.routes.join(' ').findAll({literal(_HOST)}).map(h, h.substring(6, h.size() - 2))",
        "certificates": "object.kind == 'Ingress' ?"
        " dyn(object).spec.?tls.orValue([]).map(t, t.?hosts.orValue([])) :"
        " dyn(object).spec.?tls.?domains.orValue([]).map(d, [d.?main.orValue('')] + d.?sans.orValue([]))",
        "foreign": "variables.hosts.filter(h, h == '' || !(h in variables.domains))",
        "declared": "variables.domains.filter(d, d != '').size() == 0 ? 'none'"
        " : variables.domains.join(', ')",
    },
    validations=(
        Validation(
            expression="object.kind in ['Ingress', 'IngressRoute']",
            message="object.kind + ' is not allowed here: its traffic has no host to check."
            " Fix: use an IngressRoute'",
        ),
        Validation(
            expression="object.kind != 'Ingress' || !has(dyn(object).spec.defaultBackend)",
            message="'defaultBackend answers for every host. Fix: write a rule with a host'",
        ),
        Validation(
            expression="variables.foreign.size() == 0",
            message="'not among the domains of this namespace (' + variables.declared + '): '"
            " + variables.foreign.map(h, h == '' ? 'a rule without host' : h).join(', ')"
            " + '. Fix: declare the domain in the file of the tenant, or correct the host'",
        ),
        Validation(
            expression=f"variables.routes.all(r, r.matches({literal(_ROUTE)}))",
            message="'cannot be checked: ' + variables.routes.filter(r, !r.matches("
            f"{literal(_ROUTE)})).join('; ') + '. Fix: write Host(`…`), or several in parentheses joined by"
            f" ||, {_NARROWED}'",
        ),
        Validation(
            expression="variables.certificates.all(c, c.all(h, h == '' || h in variables.domains))",
            message="'a certificate is asked for a domain that is not among ' + variables.declared"
            " + '. Fix: correct the hosts under tls'",
        ),
    ),
)
