"""The budget, the watch for anomalies and the clock of an environment in AWS."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import budgets, costexplorer, iam, scheduler

from components.cost.plan import CostPlan

_RETRY_SECONDS = 3600
_RETRIES = 20


@dataclass(frozen=True, kw_only=True)
class CostArgs:
    """The plan."""

    plan: CostPlan


@dataclass(frozen=True, kw_only=True)
class CostOutputs:
    """The name of the budget."""

    budget: pulumi.Output[str]


class Cost(pulumi.ComponentResource):
    """A budget with alerts, an anomaly monitor with its subscription, and schedules that scale node groups."""

    def __init__(self, name: str, args: CostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:cost:Cost", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        made = self._budget()
        self._anomalies()
        if args.plan.schedules:
            self._clock()
        self.outputs = CostOutputs(budget=made.name)
        self.register_outputs({"budget": made.name})

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))

    def _budget(self) -> budgets.Budget:
        planned = self._plan.budget
        alerts = list(planned.alerts)
        spent = [
            budgets.BudgetNotificationArgs(
                comparison_operator="GREATER_THAN",
                notification_type="ACTUAL",
                threshold=float(threshold),
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=alerts,
            )
            for threshold in planned.thresholds
        ]
        # While something can still be done about it.
        foreseen = budgets.BudgetNotificationArgs(
            comparison_operator="GREATER_THAN",
            notification_type="FORECASTED",
            threshold=100.0,
            threshold_type="PERCENTAGE",
            subscriber_email_addresses=alerts,
        )
        return budgets.Budget(
            f"{self._prefix}/budget",
            name=planned.name,
            budget_type="COST",
            limit_amount=f"{planned.monthly_usd}.0",
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[planned.filter])],
            notifications=[*spent, foreseen],
            tags=dict(planned.tags),
            opts=self._child(),
        )

    def _anomalies(self) -> None:
        planned = self._plan.anomalies
        monitor = costexplorer.AnomalyMonitor(
            f"{self._prefix}/anomalies",
            name=planned.name,
            monitor_type="CUSTOM",
            monitor_specification=planned.specification,
            tags=dict(planned.tags),
            opts=self._child(),
        )
        impact = costexplorer.AnomalySubscriptionThresholdExpressionDimensionArgs(
            key="ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            match_options=["GREATER_THAN_OR_EQUAL"],
            values=[str(planned.least_usd)],
        )
        costexplorer.AnomalySubscription(
            f"{self._prefix}/anomaly-mails",
            name=planned.name,
            frequency="DAILY",
            monitor_arn_lists=[monitor.arn],
            subscribers=[
                costexplorer.AnomalySubscriptionSubscriberArgs(type="EMAIL", address=address)
                for address in planned.alerts
            ],
            threshold_expression=costexplorer.AnomalySubscriptionThresholdExpressionArgs(dimension=impact),
            tags=dict(planned.tags),
            opts=self._child(),
        )

    def _clock(self) -> None:
        plan = self._plan
        role = iam.Role(
            f"{self._prefix}/clock-role",
            name=plan.role,
            assume_role_policy=plan.trust,
            tags=dict(plan.tags),
            opts=self._child(),
        )
        rights = iam.RolePolicy(
            f"{self._prefix}/clock-rights",
            name="scale",
            role=role.name,
            policy=plan.rights,
            opts=self._child(),
        )
        group = scheduler.ScheduleGroup(
            f"{self._prefix}/clock", name=plan.group, tags=dict(plan.tags), opts=self._child()
        )
        for planned in plan.schedules:
            scheduler.Schedule(
                f"{self._prefix}/{planned.key}",
                name=planned.name,
                group_name=group.name,
                description=planned.why[:512],
                schedule_expression=planned.expression,
                schedule_expression_timezone=planned.time_zone,
                flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=scheduler.ScheduleTargetArgs(
                    arn=planned.target,
                    role_arn=role.arn,
                    input=planned.input,
                    retry_policy=scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_event_age_in_seconds=_RETRY_SECONDS, maximum_retry_attempts=_RETRIES
                    ),
                ),
                opts=self._child(rights),
            )
