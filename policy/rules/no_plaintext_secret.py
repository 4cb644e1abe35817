"""Secrets are in Secrets: not in the environment, arguments, configuration or URLs of an object."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from policy.credentials import (
    SecretNames,
    assigned_lines,
    is_plaintext,
    private_key,
    secret_arguments,
    url_with_password,
)
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Severity,
    Undecided,
    Violation,
    judge_each,
)
from policy.objects import Container, is_kubernetes, judge_containers
from policy.reading import Unknown, field, known, mapping, sequence, strings, text

_NEVER_CREDENTIALS: Final = frozenset({"metadata.name", "metadata.namespace"})
_FIX_VARIABLE: Final = "keep the value in a Secret and refer to it with valueFrom.secretKeyRef"


class SecretSettings(Settings):
    """Which names are taken for names of secrets."""

    words: tuple[str, ...] = Field(
        (
            "accesskey",
            "apikey",
            "credential",
            "masterkey",
            "pass",
            "passphrase",
            "passwd",
            "password",
            "privatekey",
            "pwd",
            "secret",
            "token",
        ),
        description="lower-case words without separators that make a name the name of a secret; words of "
        "up to four letters must be a whole part of the name",
    )
    harmless_endings: tuple[str, ...] = Field(
        (
            "count",
            "dir",
            "enabled",
            "expiry",
            "file",
            "length",
            "name",
            "path",
            "ref",
            "seconds",
            "size",
            "ttl",
            "url",
        ),
        description="endings, lower-case and without separators, of names that only point to or describe a "
        "secret",
    )


def check(resource: Resource, settings: SecretSettings) -> Iterator[Finding]:
    """Find credentials in plain text by names and forms; only where they stand is ever said."""
    names = SecretNames(settings.words, settings.harmless_endings)
    yield from judge_containers(resource, lambda container: _container(resource, container, names))
    if resource.kind == "ConfigMap":
        entries = mapping(resource.props, "data").items()
        yield from judge_each(resource, entries, lambda entry: _config_entry(resource, entry, names))
    yield from _forms(resource)


def _container(resource: Resource, container: Container, names: SecretNames) -> Iterator[Finding]:
    variables = sequence(container.fields, "env")
    yield from judge_each(resource, variables, lambda env: _variable(resource, container, env, names))
    for part in ("command", "args"):
        items = sequence(container.fields, part)
        arguments = [item if isinstance(item, str) else "" for item in items]
        for position in secret_arguments(arguments, names):
            yield Violation(
                resource,
                f"{part}[{position}] of {container.title} holds a secret in plain text",
                "pass it as an environment variable from a Secret, or as a mounted file, and refer to that",
            )
        yield from (Undecided(resource, item.path) for item in items if isinstance(item, Unknown))


def _variable(resource: Resource, container: Container, env: object, names: SecretNames) -> Iterator[Finding]:
    name = text(env, "name") or ""
    if not names.match(name):
        value = text(env, "value")
        if value is not None and any(assigned_lines(value, names)):
            yield Violation(
                resource,
                f"the environment variable {name} of {container.title} sets a secret in its text",
                _FIX_VARIABLE,
            )
    elif field(env, "valueFrom", "configMapKeyRef") is not None:
        yield Violation(
            resource,
            f"the environment variable {name} of {container.title} comes from a ConfigMap",
            _FIX_VARIABLE,
        )
    elif is_plaintext(text(env, "value") or ""):
        yield Violation(
            resource,
            f"the environment variable {name} of {container.title} has its value in plain text",
            _FIX_VARIABLE,
        )


def _config_entry(resource: Resource, entry: tuple[str, object], names: SecretNames) -> Iterator[Finding]:
    key, value = entry[0], known(entry[1])
    if not isinstance(value, str):
        return
    if names.match(key) and is_plaintext(value):
        yield Violation(resource, f"data.{key} is named like a secret", "move it to a Secret")
        return
    for line in assigned_lines(value, names):
        yield Violation(
            resource,
            f"line {line} of data.{key} sets a secret in plain text",
            "move the file to a Secret, or have the program read that value from the environment",
        )


def _forms(resource: Resource) -> Iterator[Finding]:
    """Find what is a credential wherever it stands: a URL with a password, a private key."""
    body: Mapping[str, object] = resource.props
    if resource.kind == "Secret":
        body = {key: value for key, value in body.items() if key not in {"data", "stringData"}}
    for found in strings(body):
        if isinstance(found, Unknown):
            if found.path not in _NEVER_CREDENTIALS:
                yield Undecided(resource, found.path)
            continue
        path, value = found
        if url_with_password(value):
            yield Violation(
                resource,
                f"{path} holds a URL with a password in it",
                "leave the password out of the URL and take it from a Secret",
            )
        if private_key(value):
            yield Violation(resource, f"{path} holds a private key", "move it to a Secret")


RULE: Final = ResourceRule(
    name="no-plaintext-secret",
    title="No secret stands in plain text outside a Secret.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="NSA/CISA Kubernetes Hardening Guidance", version="1.2", specification="kubescape C-0012"
    ),
    remediation="Keep secrets in a Secret, or in the cloud's secret store, and refer to them: secretKeyRef, "
    "a mounted file, $(NAME) in arguments and URLs.",
    settings=SecretSettings,
    selects=is_kubernetes,
    check=check,
    waivable=False,
)
