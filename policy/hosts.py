"""Host names that routes answer to: of an Ingress, of Traefik's IngressRoute, and of certificates."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policy.frame import Resource
from policy.reading import mapping, sequence, text

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<sign>\|\||&&|[!()])|(?P<name>[A-Za-z]\w*)\s*\((?P<arguments>(?:`[^`]*`|"[^"]*"|[^`"()])*)\))"""
)
_ARGUMENT: Final = re.compile(r'`([^`]*)`|"([^"]*)"')
_BY_PATTERN: Final = frozenset({"HostRegexp", "HostSNIRegexp"})
_HOST: Final = frozenset({"Host", "HostSNI"})


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a Traefik rule says of hosts.

    `always` is whether every request that it matches has one of `hosts`; a host given as a pattern does not
    count, and makes the match `by_pattern`.
    """

    hosts: tuple[str, ...]
    always: bool
    by_pattern: bool


def parse_match(rule: str) -> Match:
    """Read a Traefik rule such as ``Host(`shop.example`) && PathPrefix(`/web`)``.

    What cannot be read as such a rule is taken for one that matches any host.
    """
    hosts: list[str] = []
    by_pattern = False
    signs: list[str] = []
    position = 0
    while position < len(rule.rstrip()):
        found = _TOKEN.match(rule, position)
        if not found:
            return Match(hosts=tuple(hosts), always=False, by_pattern=by_pattern)
        position = found.end()
        if sign := found["sign"]:
            signs.append(sign)
            continue
        by_pattern |= found["name"] in _BY_PATTERN
        is_host = found["name"] in _HOST
        if is_host:
            hosts += [(a or b).lower() for a, b in _ARGUMENT.findall(found["arguments"])]
        signs.append("host" if is_host else "other")
    reader = _Reader(signs)
    always = reader.either() and reader.sound
    return Match(hosts=tuple(hosts), always=always, by_pattern=by_pattern)


class _Reader:
    """Says whether an expression of `host`, `other`, `!`, `&&`, `||` and brackets always needs a host."""

    def __init__(self, signs: Sequence[str]) -> None:
        self._signs = [*signs, ""]
        self._at = 0
        self._complete = True

    @property
    def sound(self) -> bool:
        """Whether the whole was an expression: every bracket closed, nothing left over or out."""
        return self._complete and self._signs[self._at] == ""

    def _take(self, sign: str) -> bool:
        taken = self._signs[self._at] == sign
        self._at += taken
        return taken

    def either(self) -> bool:
        needs = self._both()
        while self._take("||"):
            needs = self._both() and needs
        return needs

    def _both(self) -> bool:
        needs = self._one()
        while self._take("&&"):
            needs = self._one() or needs
        return needs

    def _one(self) -> bool:
        turned = False
        while self._take("!"):
            turned = True
        if self._take("("):
            needs = self.either()
            self._complete &= self._take(")")
        else:
            needs = self._take("host")
            self._complete &= needs or self._take("other")
        return needs and not turned


def hosts_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield each host that a route answers to, in lower case, with the path where it stands.

    Raises:
        UnknownValue: one of them is not known yet.

    """
    for index, rule in enumerate(sequence(resource.props, "spec", "rules")):
        if host := text(rule, "host"):
            yield f"spec.rules[{index}].host", host.lower()
    for index, route in enumerate(sequence(resource.props, "spec", "routes")):
        for host in parse_match(text(route, "match") or "").hosts:
            yield f"spec.routes[{index}].match", host
    for index, entry in enumerate(sequence(resource.props, "spec", "tls")):
        for host in sequence(mapping(entry), "hosts"):
            if isinstance(host, str):
                yield f"spec.tls[{index}].hosts", host.lower()
    for host in sequence(resource.props, "spec", "dnsNames"):
        if isinstance(host, str):
            yield "spec.dnsNames", host.lower()
