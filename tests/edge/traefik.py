"""The program: its static configuration, from the values that the platform gives to its chart, and its process.

The chart turns values into flags. Nearly every key is Traefik's own there; what is not is translated here, key by key,
and a key that is neither is refused: a setting that is forgotten would be tested by nobody.
"""

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.operators import ingress
from components.operators.inputs import OperatorInputs
from local.controlplane.processes import Service

ENTRY_POINTS = ("web", "websecure", "metrics", "traefik")
"""Of the chart. The last two are for the platform alone: Prometheus, and the probes of the pod."""
OF_THE_CLUSTER = frozenset(
    {
        "deployment",
        "gateway",
        "gatewayClass",
        "image",
        "ingressClass",
        "ingressRoute",
        "podDisruptionBudget",
        "resources",
        "service",
    }
)
"""Values that make objects of Kubernetes and reach no setting of the program."""

Object = dict[str, Any]


def program() -> Path:
    """Return the program, which is the project's own of this version inside a wheel that uv.lock pins by its hash."""
    return Path(sys.executable).with_name("traefik")


def values() -> Object:
    """Return the values that production gives to Traefik's chart."""
    return copy.deepcopy(ingress.traefik(OperatorInputs(environment="production", replicas=2)))


def static(values: Mapping[str, Any], ports: Mapping[str, int], access_log: Path) -> Object:
    """Return the static configuration: the values, on loopback ports and with a file for the access log.

    Raises KeyError for a value of which nobody has said what becomes of it.
    """
    rest = dict(values)
    for key in (*OF_THE_CLUSTER, "tlsOptions"):
        rest.pop(key, None)
    made: Object = {
        "core": rest.pop("core"),
        "global": rest.pop("global"),
        "api": rest.pop("api"),
        "ping": {},
        "log": {"level": "INFO", "format": "json"},
        "entryPoints": _entry_points(rest.pop("ports"), ports),
        "providers": _providers(rest.pop("providers")),
        "accessLog": {**_on(rest.pop("accessLog")), "filePath": str(access_log)},
        "metrics": {"prometheus": _prometheus(rest.pop("metrics")["prometheus"])},
    }
    if rest:
        raise KeyError(f"what becomes of {', '.join(sorted(rest))} in Traefik's static configuration?")
    return made


def service(path: Path, configuration: Mapping[str, Any], kubeconfig: Path, folder: Path) -> Service:
    """Return the process; its own log is beside its configuration."""
    file = folder / "traefik.yaml"
    file.write_text(yaml.safe_dump(dict(configuration), sort_keys=False))
    return Service(
        name="traefik",
        command=(str(path), f"--configFile={file}"),
        log=folder / "traefik.log",
        state=folder,
        environment={"KUBECONFIG": str(kubeconfig)},
    )


def tls_options(values: Mapping[str, Any]) -> list[Object]:
    """Return the objects that the chart makes of the TLS options, in the namespace of Traefik."""
    return [
        {
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "TLSOption",
            "metadata": {"name": name, "namespace": ingress.NAMESPACE},
            "spec": spec,
        }
        for name, spec in values["tlsOptions"].items()
    ]


def _entry_points(given: Mapping[str, Any], ports: Mapping[str, int]) -> Object:
    unknown = set(given) - set(ENTRY_POINTS)
    if unknown:
        raise KeyError(f"no entry point of the chart is called {', '.join(sorted(unknown))}")
    made: Object = {}
    for name in ENTRY_POINTS:
        settings = copy.deepcopy(dict(given.get(name, {})))
        http = settings.get("http", {})
        if "tls" in http:
            http["tls"] = _on(http["tls"])
        if "redirections" in http:
            # The chart sends visitors to the port that the Service has, and not to that of the pod.
            target = http["redirections"]["entryPoint"]
            target["to"] = f":{ports[target['to']]}"
        made[name] = {"address": f"127.0.0.1:{ports[name]}", **settings}
    return made


def _providers(given: Mapping[str, Any]) -> Object:
    on = {name: settings for name, settings in given.items() if settings.get("enabled", True)}
    if set(on) != {"kubernetesCRD"}:
        raise KeyError(f"these tests give Traefik the tenants' own objects, and {sorted(on)} are switched on")
    return {name: _on(settings) for name, settings in on.items()}


def _prometheus(given: Mapping[str, Any]) -> Object:
    made = {key: value for key, value in given.items() if key != "service"}
    buckets = [float(bound) for bound in made["buckets"].split(",")]
    return {**made, "buckets": buckets, "entryPoint": "metrics"}


def _on(given: Mapping[str, Any]) -> Object:
    """Drop the chart's switch; a section that is off must not reach the program at all."""
    if not given.get("enabled", True):
        raise KeyError(f"a section that is switched off: {dict(given)}")
    return {key: value for key, value in given.items() if key != "enabled"}
