"""What is taken for a secret in plain text, what is not, and that none is ever repeated."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.credentials import (
    SecretNames,
    assigned_lines,
    is_plaintext,
    private_key,
    secret_arguments,
    url_with_password,
)
from policy.rules.no_plaintext_secret import SecretSettings
from tests.policy.baseline import baseline
from tests.policy.breaks import broken
from tests.policy.harness import UNKNOWN, judge
from tests.policy.parts import CANARY, an_object, containers_of

pytestmark = pytest.mark.policy

SETTINGS = SecretSettings()
NAMES = SecretNames(SETTINGS.words, SETTINGS.harmless_endings)
RULE = "no-plaintext-secret"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"


def env(name, value):
    return lambda stack: containers_of(stack)[0]["env"].append({"name": name, "value": value})


def arguments(*values, part="args"):
    return lambda stack: containers_of(stack)[0].update({part: list(values)})


def config(key, value):
    return lambda stack: stack["config"]["data"].update({key: value})


def from_config_map(stack):
    source = {"configMapKeyRef": {"name": "odoo", "key": "password"}}
    containers_of(stack)[0]["env"].append({"name": "ADMIN_PASSWORD", "valueFrom": source})


def annotation(stack):
    stack["web"]["metadata"]["annotations"] = {"backup": f"s3://key:{CANARY}@bucket"}


def custom_resource(stack):
    stack.add("app", an_object("argoproj.io/v1alpha1", "Application", "a", spec={"source": {"tls": PEM}}))


def secrets_annotation(stack):
    stack["secret"]["metadata"]["annotations"] = {"url": f"postgres://odoo:{CANARY}@db/x"}


FOUND = [
    (env("DB_PASSWORD", CANARY), "environment variable DB_PASSWORD"),
    (env("PGPASSWORD", CANARY), "environment variable PGPASSWORD"),
    (env("SMTP_PASS", CANARY), "environment variable SMTP_PASS"),
    (env("stripeApiKey", CANARY), "environment variable stripeApiKey"),
    (env("AWS_SECRET_ACCESS_KEY", CANARY), "environment variable AWS_SECRET_ACCESS_KEY"),
    (env("SESSION_STORE", f"redis://:{CANARY}@cache:6379/0"), "URL with a password"),
    (env("DSN", f"host=db user=odoo password={CANARY}"), "environment variable DSN"),
    (from_config_map, "ADMIN_PASSWORD of container web comes from a ConfigMap"),
    (arguments(f"--db_password={CANARY}"), "args[0]"),
    (arguments("--db_password", CANARY), "args[1]"),
    (arguments("odoo", "--database", "x", "--admin-passwd", CANARY), "args[4]"),
    (arguments("sh", "-c", f"export PGPASSWORD={CANARY} && psql", part="command"), "command[2]"),
    (arguments("sh", "-c", f"PGPASSWORD='{CANARY}' psql"), "args[2]"),
    (arguments(f"postgres://odoo:{CANARY}@db/acorn"), "URL with a password"),
    (config("db.conf", f"[database]\ndb_host = db\ndb_password = {CANARY}\n"), "line 3 of data.db.conf"),
    (config("values.yaml", f"odoo:\n  adminPassword: {CANARY}\n"), "line 2 of data.values.yaml"),
    (config("list.yaml", f"users:\n  - password: '{CANARY}'\n"), "line 2 of data.list.yaml"),
    (config("app.json", f'{{"user": "odoo", "password": "{CANARY}"}}'), "line 1 of data.app.json"),
    (config("admin-password", CANARY), "data.admin-password is named like a secret"),
    (config("key", PEM), "data.key holds a private key"),
    (config("hook", f"https://user:{CANARY}@hooks.example/x"), "data.hook holds a URL"),
    (annotation, "metadata.annotations.backup holds a URL"),
    (custom_resource, "spec.source.tls holds a private key"),
    (secrets_annotation, "metadata.annotations.url holds a URL"),
]

HARMLESS = [
    env("DB_PASSWORD_FILE", "/run/secrets/db"),
    env("PASSWORD_SECRET_NAME", "odoo"),
    env("TOKEN_URL", "https://login.example/token"),
    env("TOKEN_TTL", "3600"),
    env("PWD", "/opt/odoo"),
    env("COMPASS", "north"),
    env("DB_PASSWORD", ""),
    env("ADMIN_PASSWORD", "$(ADMIN)"),
    env("GREETING", "your password: ask the shop"),
    arguments("--db_password=$(DB_PASSWORD)", "--password-file=/run/secrets/x", "--list-passwords"),
    arguments("sh", "-c", 'export PGPASSWORD="$(cat /run/secrets/db)" && psql', part="command"),
    config("db.conf", "[database]\ndb_password = False\n# admin_passwd = none of your business\n"),
    config("values.yaml", "auth:\n  secretName: odoo\n  passwordSecretRef:\n    name: odoo\n"),
    config("script.py", "password = os.environ['DB_PASSWORD']\ntoken = read(path)\n"),
    config("script.sh", "PASSWORD=${DB_PASSWORD}\nTOKEN=`cat /run/token`\n"),
    config("README", "Tokens and passwords are in the Secret odoo; see https://docs.example:8443/a@b\n"),
    config("cert.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
]


@pytest.mark.parametrize(("change", "where"), FOUND, ids=[where for _, where in FOUND])
def test_a_secret_in_plain_text_is_found_and_not_repeated(change, where):
    judgement = judge(broken(change), only=RULE)
    assert judgement.rules == {RULE}, "a secret would be stored in plain text"
    assert any(where in message for message in judgement.messages), judgement.messages
    assert CANARY not in "".join(judgement.messages), "the message itself leaks the secret"


@pytest.mark.parametrize("change", HARMLESS, ids=range(len(HARMLESS)))
def test_what_only_points_to_a_secret_is_accepted(change):
    assert not judge(broken(change), only=RULE).messages, "people would have to work around the rule"


def test_a_secret_is_accepted_inside_a_secret():
    judgement = judge(baseline())
    assert CANARY in baseline()["secret"]["stringData"].values(), "the fixture holds no secret to accept"
    assert not judgement.breaches


def test_words_and_endings_come_from_the_configuration():
    stack = broken(env("PIN", CANARY))
    assert not judge(stack).breaches
    assert judge(stack, {RULE: {"words": ["pin"]}}).rules == {RULE}
    renamed = broken(env("PIN_LABEL", CANARY))
    assert not judge(renamed, {RULE: {"words": ["pin"], "harmlessEndings": ["label"]}}).breaches


def test_an_unknown_variable_is_undecided_and_hides_no_other_breach():
    def change(stack):
        env("DB_PASSWORD", UNKNOWN)(stack)
        env("API_TOKEN", CANARY)(stack)

    judgement = judge(broken(change))
    assert judgement.rules == {RULE}, "an unknown value hid a secret that stands in plain text"
    assert "env[4].value" in judgement.skipped[RULE]


def test_arguments_that_are_not_known_yet_are_undecided():
    judgement = judge(broken(arguments("--password", UNKNOWN)))
    assert "args[1]" in judgement.skipped[RULE]


SECRET_TEXT = st.text(alphabet="abcdefghijkmnopqrstuvwxyz0123456789-_", min_size=4).map(
    lambda text: f"x{text}"
)


@settings(max_examples=60)
@given(name=st.sampled_from(["PASSWORD", "apiToken", "db_password", "CLIENT-SECRET"]), secret=SECRET_TEXT)
def test_a_named_secret_is_found_however_it_is_written(name, secret):
    assert NAMES.match(name)
    assert is_plaintext(secret)
    for text in (
        f"{name}={secret}",
        f"{name} = '{secret}'",
        f'"{name}": "{secret}"',
        f"a=1;{name}={secret};",
    ):
        assert list(assigned_lines(text, NAMES)) == [1], text
    assert list(secret_arguments(["run", f"--{name}", secret], NAMES)) == [2]
    assert url_with_password(f"amqp://user:{secret}@host/x")


@settings(max_examples=60)
@given(st.text())
def test_no_text_makes_the_search_fail(text):
    assert all(line >= 1 for line in assigned_lines(text, NAMES))
    assert url_with_password(text) in (True, False)
    assert all(position == 0 for position in secret_arguments([text], NAMES))


HOSTILE = ["a", "x://", '"', "a=", "a:", " ", "a=' ", "-----BEGIN A ", "{", "x:x", "://u:", "\n", "# "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_text_is_searched_in_time_that_grows_with_its_length(piece):
    def cost(times):
        text = piece * times
        started = time.process_time()
        list(assigned_lines(text, NAMES))
        url_with_password(text)
        private_key(text)
        return time.process_time() - started

    # Four times the length costs four times the time, and sixteen times if the search were quadratic.
    assert min(cost(80_000) for _ in range(2)) < 9 * max(cost(20_000) for _ in range(2)) + 0.02, (
        "a ConfigMap of a megabyte would hold up every preview"
    )
