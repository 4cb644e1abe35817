"""Odoo shows nobody a list of databases, opens only its own, and has no master password to guess."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from policy.credentials import is_plaintext
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Severity,
    Violation,
    judge_each,
)
from policy.images import NamedImage
from policy.objects import Container, is_kubernetes
from policy.pods import Pod, judge_pods
from policy.reading import field, known, mapping, sequence, text

_SECTION: Final = re.compile(r"^[ \t]*\[options\][ \t]*$", re.MULTILINE)
_OPTION: Final = re.compile(r"^[ \t]*(?P<name>[a-z_]+)[ \t]*=[ \t]*(?P<value>.*?)[ \t]*$", re.MULTILINE)
# Both ends anchored, and nothing between them that stands for more than itself.
_EXACT: Final = re.compile(r"\^(?:[A-Za-z0-9_-]|\\[.-])+\$\Z")
_OFF: Final = frozenset({"false", "0", "no", "off"})
_FILTER_FIX: Final = "write ^name$ with the database's own name, each dot as \\."


class OdooSettings(Settings):
    """How Odoo is told."""

    images: tuple[str, ...] = Field(
        ("odoo",), description="last part of the name of images, or how it ends, by which Odoo is told"
    )
    password_variables: tuple[str, ...] = Field(
        ("ODOO_ADMIN_PASSWD", "ADMIN_PASSWD", "ADMIN_PASSWORD"),
        description="environment variables that hold the master password; a Secret mounted as a file will do too",
    )


def check(resource: Resource, settings: OdooSettings) -> Iterator[Finding]:
    """Find configurations that show or open other databases, and master passwords that are not secret."""
    if resource.kind in ("ConfigMap", "Secret"):
        part = "data" if resource.kind == "ConfigMap" else "stringData"
        files = mapping(resource.props, part).items()
        yield from judge_each(resource, files, lambda file: _file(resource, part, file))
    else:
        yield from judge_pods(resource, lambda pod: _pod(resource, pod, settings))


def _file(resource: Resource, part: str, file: tuple[str, object]) -> Iterator[Finding]:
    content = known(file[1])
    if not isinstance(content, str) or not _SECTION.search(content):
        return
    where = f"{part}.{file[0]}"
    options = {found["name"]: found["value"] for found in _OPTION.finditer(content)}
    if options.get("list_db", "True").lower() not in _OFF:
        yield Violation(
            resource, f"{where} lets anybody see and manage databases", f"set list_db = False in {where}"
        )
    if not _EXACT.match(options.get("dbfilter", "")):
        yield Violation(resource, f"dbfilter in {where} opens more than one database, or any", _FILTER_FIX)
    password = options.get("admin_passwd", "")
    if part == "data" and is_plaintext(password):
        yield Violation(
            resource, f"{where} sets the master password", "move the file, or that option, to a Secret"
        )
    if part == "stringData" and password in ("", "admin"):
        yield Violation(
            resource,
            f"{where} leaves the master password at Odoo's own, which everybody knows",
            f"set admin_passwd in {where} to a random text",
        )


def _pod(resource: Resource, pod: Pod, settings: OdooSettings) -> Iterator[Finding]:
    return pod.judge_containers(resource, lambda each: _container(resource, pod, each, settings))


def _container(
    resource: Resource, pod: Pod, container: Container, settings: OdooSettings
) -> Iterator[Finding]:
    image = NamedImage(path=container.path, owner=container.title, value=container.fields.get("image"))
    name = image.known().partition("@")[0].rpartition("/")[2].partition(":")[0]
    if not pod.complete or not name.endswith(settings.images):
        return
    yield from judge_each(resource, [container], lambda each: _arguments(resource, each))
    if not _password_from_secret(pod, container, settings):
        yield Violation(
            resource,
            f"{container.title} takes its master password from no Secret, so it is Odoo's own",
            f"set {settings.password_variables[0]} by secretKeyRef, or mount the configuration from a Secret",
        )


def _arguments(resource: Resource, container: Container) -> Iterator[Finding]:
    given = [known(item) for part in ("command", "args") for item in sequence(container.fields, part)]
    words = [item for item in given if isinstance(item, str)]
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in ("--db-filter", "--dbfilter"):
            following = words[index + 1] if index + 1 < len(words) else ""
            if not _EXACT.match(value if equals else following):
                yield Violation(
                    resource, f"{option} of {container.title} opens more than one database", _FILTER_FIX
                )
        if option == "--database-list" or (option == "--list-db" and value.lower() not in _OFF):
            yield Violation(
                resource,
                f"{container.title} lets anybody see and manage databases",
                "use --no-database-list",
            )


def _password_from_secret(pod: Pod, container: Container, settings: OdooSettings) -> bool:
    for variable in sequence(container.fields, "env"):
        if (
            text(variable, "name") in settings.password_variables
            and field(variable, "valueFrom", "secretKeyRef") is not None
        ):
            return True
    mounted = {text(mount, "name") for mount in sequence(container.fields, "volumeMounts")}
    return any(
        text(volume, "name") in mounted and _is_secret(mapping(volume))
        for volume in sequence(pod.spec, "volumes")
    )


def _is_secret(volume: Mapping[str, object]) -> bool:
    return "secret" in volume or any(
        "secret" in mapping(source) for source in sequence(volume, "projected", "sources")
    )


RULE: Final = ResourceRule(
    name="odoo-hardening",
    title="Odoo lists no databases, opens exactly its own, and takes its master password from a Secret.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="Odoo deployment guide", version="19.0", specification="Security: database manager"
    ),
    remediation="Set list_db = False and dbfilter = ^name$ in Odoo's configuration, and give it the master "
    "password from a Secret.",
    settings=OdooSettings,
    selects=is_kubernetes,
    check=check,
)
