"""Recording rules over a time that has passed: a Prometheus evaluates them, and keeps what they give.

`promtool tsdb create-blocks-from rules` does so too, but not for rules that need one another's series.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from local.remote_write import STALE, key_of, write
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from local.remote_write import Key

_SECONDS: Final = 60.0


def record(url: str, rules: Iterable[Mapping[str, Any]], times: Sequence[int]) -> int:
    """Evaluate recording rules one after the other at times that lie evenly, and return how many samples they gave.

    Each finds what those before it made at the same time, as the rules of a group do. A series that a rule has no more
    ends there.

    Args:
        url: the address of a Prometheus that takes samples.
        rules: the rules, in their order.
        times: seconds since 1970, in order.

    Raises:
        EnvironmentTrouble: it does not answer, or does not understand a rule.

    """
    count = 0
    for rule in rules:
        found: dict[Key, dict[int, float]] = {}
        for each in _evaluated(url, str(rule["expr"]), times):
            # One series under two names, where a rule says `a or b`, is one series of the rule.
            own = {key: value for key, value in each["metric"].items() if key != "__name__"}
            values = {round(float(at) * 1000): float(value) for at, value in each["values"]}
            found.setdefault(key_of(rule["record"], {**own, **rule.get("labels", {})}), {}).update(values)
        moments = [at * 1000 for at in times]
        count += write(url, ((key, ended(values, moments)) for key, values in found.items()))
    return count


def ended(values: Mapping[int, float], times: Collection[int]) -> list[tuple[int, float]]:
    """Return the samples of a series in order, with an end wherever it was there at one time and not at the next."""
    found = list[tuple[int, float]]()
    there = False
    for at in times:
        if at in values:
            found.append((at, values[at]))
        elif there:
            found.append((at, STALE))
        there = at in values
    return found


def _evaluated(url: str, expression: str, times: Sequence[int]) -> list[dict[str, Any]]:
    step = times[1] - times[0] if len(times) > 1 else 1
    form = urllib.parse.urlencode({"query": expression, "start": times[0], "end": times[-1], "step": step})
    try:
        with urllib.request.urlopen(  # noqa: S310 - our own
            f"{url}/api/v1/query_range", data=form.encode(), timeout=_SECONDS
        ) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace").strip()[:300]
        raise EnvironmentTrouble(f"Prometheus refused a rule: {said}") from error
    except (OSError, ValueError, KeyError) as error:
        raise EnvironmentTrouble(f"Prometheus does not evaluate a rule: {error}") from error
