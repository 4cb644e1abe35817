"""Budgets, and Cost Explorer's watch for anomalies."""

# ruff: noqa: C901, PLR0911, PLR0912 - a service is a table of its calls, and reads best as one
import re
import uuid

from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, Json, Refused


def budgets(call: Call) -> Answer | None:
    """Budgets: budgets with their notifications, subscribers and tags."""
    body, account = call.body, call.body.get("AccountId", ACCOUNT)
    name = (
        body.get("BudgetName")
        or body.get("Budget", {}).get("BudgetName")
        or body.get("NewBudget", {}).get("BudgetName")
    )
    if call.target.endswith(("TagResource", "TagsForResource", "UntagResource")):
        return tags(call, body["ResourceARN"], "ResourceTags")
    key = ("budget", account, str(name))
    if call.target == "CreateBudget":
        if key in KEPT.things:
            raise Refused("DuplicateRecordException", f"the budget {name} exists", 400)
        spent = {"CalculatedSpend": {"ActualSpend": {"Amount": "0", "Unit": "USD"}}}
        period = {"TimePeriod": {"Start": 1767225600, "End": 3706473600}}
        KEPT.things[key] = {**period, **body["Budget"], **spent}
        KEPT.things["tags", f"arn:aws:budgets::{account}:budget/{name}"] = {
            tag["Key"]: tag["Value"] for tag in body.get("ResourceTags", [])
        }
        for each in body.get("NotificationsWithSubscribers", []):
            notify(account, str(name), each["Notification"], each["Subscribers"])
        return 200, {}
    if call.target == "DescribeBudgets":
        return 200, {"Budgets": KEPT.below("budget", account)}
    if key not in KEPT.things:
        raise Refused("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.", 400)
    notices = ("notice", account, str(name))
    match call.target:
        case "DescribeBudget":
            return 200, {"Budget": KEPT.things[key]}
        case "UpdateBudget":
            KEPT.things[key] |= body["NewBudget"]
        case "DeleteBudget":
            KEPT.drop(*key)
            KEPT.drop(*notices)
        case "CreateNotification":
            notify(account, str(name), body["Notification"], body["Subscribers"])
        case "DeleteNotification":
            KEPT.drop(*notices, notice_key(body["Notification"]))
        case "DescribeNotificationsForBudget":
            return 200, {"Notifications": [one["Notification"] for one in KEPT.below(*notices)]}
        case "DescribeSubscribersForNotification":
            return 200, {"Subscribers": KEPT.get(*notices, notice_key(body["Notification"]))["Subscribers"]}
        case _:
            return None
    return 200, {}


def notice_key(notice: Json) -> str:
    kinds = (
        notice["NotificationType"],
        notice["ComparisonOperator"],
        notice.get("ThresholdType", "PERCENTAGE"),
    )
    return " ".join([*kinds, f"{float(notice['Threshold']):g}"])


def notify(account: str, budget: str, notice: Json, subscribers: list[Json]) -> None:
    thing = {"Notification": {"NotificationState": "OK", **notice}, "Subscribers": subscribers}
    KEPT.things["notice", account, budget, notice_key(notice)] = thing


def tags(call: Call, resource: str, field_name: str) -> Answer:
    kept = KEPT.things.setdefault(("tags", resource), {})
    if call.target == "TagResource":
        kept |= {tag["Key"]: tag["Value"] for tag in call.body[field_name]}
    elif call.target == "UntagResource":
        for key in call.body["ResourceTagKeys"]:
            kept.pop(key, None)
    else:
        return 200, {field_name: [{"Key": key, "Value": value} for key, value in sorted(kept.items())]}
    return 200, {}


def anomalies(call: Call) -> Answer | None:
    """Cost Explorer: anomaly monitors and subscriptions."""
    found = re.fullmatch(r"(Create|Get|Update|Delete)Anomaly(Monitor|Subscription)s?", call.target)
    if not found:
        resource = str(call.body.get("ResourceArn", ""))
        known = any(("anomaly", kind, resource) in KEPT.things for kind in ("Monitor", "Subscription"))
        return tags(call, resource, "ResourceTags") if known else None
    verb, kind = found.groups()
    name = f"{kind}Arn"
    if verb == "Create":
        identity = f"arn:aws:ce::{ACCOUNT}:anomaly{kind.lower()}/{uuid.uuid4()}"
        KEPT.put({**call.body[f"Anomaly{kind}"], name: identity}, "anomaly", kind, identity)
        KEPT.things["tags", identity] = {
            tag["Key"]: tag["Value"] for tag in call.body.get("ResourceTags", [])
        }
        return 200, {name: identity}
    if verb == "Get":
        wanted = call.body.get(f"{name}List")
        every = KEPT.below("anomaly", kind)
        return 200, {f"Anomaly{kind}s": [one for one in every if not wanted or one[name] in wanted]}
    if ("anomaly", kind, call.body[name]) not in KEPT.things:
        raise Refused(f"Unknown{kind}Exception", f"there is no {call.body[name]}", 400)
    if verb == "Delete":
        KEPT.drop("anomaly", kind, call.body[name])
        return 200, {}
    KEPT.things["anomaly", kind, call.body[name]] |= call.body
    return 200, {name: call.body[name]}
