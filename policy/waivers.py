"""Exceptions to rules: written on the object that they are for, owned, reasoned and dated.

One form for everything that has annotations, one for what has only tags, both under the key
`storefleet.dev/waive-<rule>`:

* Kubernetes, an annotation: `{"owner": "ops@brand.example", "reason": "…", "expires": "2027-01-31"}`
* AWS, a tag, whose values may hold no braces: `owner=ops@brand.example expires=2027-01-31 reason=…`

A sound waiver keeps its rule from refusing that object, until the end of the day on which it expires. An
unsound one covers nothing, and `waivers-valid` refuses it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Final, cast

from pydantic import ValidationError

from policy.reading import Unknown, is_mapping
from spec.labels import DOMAIN
from spec.tenant import Waiver

WAIVE_PREFIX: Final = f"{DOMAIN}/waive-"

# Far more than a sentence needs, and far less than makes the reader of JSON run out of stack.
_LONGEST: Final = 1000

_TAG_FORM: Final = re.compile(r"owner=(?P<owner>\S+) expires=(?P<expires>\S+) reason=(?P<reason>.+)\Z")
_FORM: Final = (
    'write {"owner": "<e-mail>", "reason": "<why>", "expires": "<YYYY-MM-DD>"}, or in a tag '
    "owner=<e-mail> expires=<YYYY-MM-DD> reason=<why>"
)


@dataclass(frozen=True, kw_only=True)
class WaiverNote:
    """One exception as an object declares it.

    `problem` and `fix` are empty when it is sound; `days_left` counts from the day of the run to its expiry.
    `unknown` is the path of a declaration that preview cannot read.
    """

    rule: str
    days_left: int = 0
    problem: str = ""
    fix: str = ""
    unknown: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is sound and its day has not passed."""
        return not self.problem and not self.unknown


def declared(
    props: Mapping[str, object], today: date, waivable: Mapping[str, bool]
) -> tuple[WaiverNote, ...]:
    """Return the exceptions that a resource declares: in its annotations, or in its tags.

    `waivable` names every rule of the pack, and whether it allows exceptions.
    """
    if not is_mapping(metadata := props.get("metadata")):
        return tuple(_notes(props.get("tags"), "tags", today, waivable))
    return tuple(_notes(metadata.get("annotations"), "metadata.annotations", today, waivable))


def _notes(texts: object, where: str, today: date, waivable: Mapping[str, bool]) -> Iterator[WaiverNote]:
    if isinstance(texts, Unknown):
        yield WaiverNote(rule="", unknown=where)
    elif is_mapping(texts):
        for key, value in texts.items():
            if not key.startswith(WAIVE_PREFIX):
                continue
            rule = key.removeprefix(WAIVE_PREFIX)
            if isinstance(value, Unknown):
                yield WaiverNote(rule=rule, unknown=value.path)
            else:
                yield _note(rule, value, today, waivable)


def _note(rule: str, value: object, today: date, waivable: Mapping[str, bool]) -> WaiverNote:
    if rule not in waivable:
        near = get_close_matches(rule, waivable, n=1)
        fix = f"write {WAIVE_PREFIX}{near[0]}" if near else "name a rule of the pack, or remove it"
        return WaiverNote(rule=rule, problem="it is for a rule that does not exist", fix=fix)
    if not waivable[rule]:
        return WaiverNote(
            rule=rule,
            problem=f"{rule} allows no exception: whatever breaks it endangers other tenants",
            fix="remove it and comply with the rule",
        )
    fields = _fields(value)
    if fields is None:
        return WaiverNote(rule=rule, problem="it cannot be read", fix=_FORM)
    try:
        waiver = Waiver.model_validate({**fields, "rule": rule})
    except ValidationError as error:
        # Only names of fields that there are: what people wrote may be anything.
        named = {str(part) for details in error.errors() for part in details["loc"]}
        wrong = sorted(named & Waiver.model_fields.keys()) or ["list of fields"]
        return WaiverNote(rule=rule, problem=f"its {' and '.join(wrong)} cannot be accepted", fix=_FORM)
    left = (waiver.expires - today).days
    if left < 0:
        return WaiverNote(
            rule=rule,
            days_left=left,
            problem=f"it expired on {waiver.expires}",
            fix=f"comply with {rule} and remove it, or have its owner renew it",
        )
    return WaiverNote(rule=rule, days_left=left)


def _fields(value: object) -> Mapping[str, object] | None:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    if found := _TAG_FORM.match(value):
        return found.groupdict()
    try:
        fields: object = json.loads(value)
    except ValueError:
        return None
    return cast("Mapping[str, object]", fields) if isinstance(fields, dict) else None
