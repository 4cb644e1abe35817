"""What a process is told: Odoo's configuration file, and the password from the environment. Nothing else is read."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A configuration that Odoo would not start with; the text names the file and the option."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of Odoo that the stand-in obeys, by Odoo's meanings."""

    host: str
    port: int
    user: str
    database: str
    sslmode: str
    password: str = field(repr=False)
    connections: int
    """Most that one process has open at once (`db_maxconn`)."""
    data: Path
    interface: str
    http: bool
    http_port: int
    gevent_port: int
    workers: int
    crons: int
    modules: tuple[str, ...]
    addons: tuple[Path, ...]
    jobs: bool

    @property
    def files(self) -> Path:
        """The filestore of the database."""
        return self.data / "filestore" / self.database


def read(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read a configuration file. Raises SettingsError for one that is missing, or says too little."""
    parser = configparser.RawConfigParser()
    if not parser.read(path):
        raise SettingsError(f"{path}: there is no such file")
    if not parser.has_section("options"):
        raise SettingsError(f"{path}: there is no section [options]")
    given = parser["options"]

    def text(name: str, default: str | None = None) -> str:
        value = given.get(name, default)
        if value is None:
            raise SettingsError(f"{path}: {name} is missing")
        return value

    def number(name: str, default: int) -> int:
        value = text(name, str(default))
        try:
            return int(value)
        except ValueError:
            raise SettingsError(f"{path}: {name} is {value!r}, and a whole number is needed") from None

    def flag(name: str, *, default: bool) -> bool:
        value = text(name, str(default)).lower()
        if value not in {"true", "false"}:
            raise SettingsError(f"{path}: {name} is {value!r}, and True or False is needed")
        return value == "true"

    database, wanted = text("db_name"), text("dbfilter", "")
    if flag("list_db", default=True) and not wanted:
        raise SettingsError(f"{path}: list_db is on and there is no dbfilter: every database would be shown")
    return Settings(
        host=text("db_host"),
        port=number("db_port", 5432),
        user=text("db_user"),
        database=database,
        sslmode=text("db_sslmode", "prefer"),
        password=environment.get("PGPASSWORD", ""),
        connections=number("db_maxconn", 64),
        data=Path(text("data_dir")),
        interface=text("http_interface", "0.0.0.0"),  # noqa: S104 - Odoo's default, in a pod
        http=flag("http_enable", default=True),
        http_port=number("http_port", 8069),
        gevent_port=number("gevent_port", 8072),
        workers=number("workers", 0),
        crons=number("max_cron_threads", 2),
        modules=tuple(each.strip() for each in text("server_wide_modules", "base,web").split(",")),
        addons=tuple(Path(each) for each in text("addons_path", "").split(",") if each),
        jobs=parser.has_section("queue_job"),
    )
