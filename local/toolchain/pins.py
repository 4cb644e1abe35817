"""What a pin says: of a program that is built, and of files that are only taken from a module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program: what it is, how it is built, and how its version shows where it is already there.

    ``module`` is a folder of `modules/`, ``package`` the Go package in it. ``probe`` are the arguments that
    print the version (None: never looked for on PATH). ``copies`` are files that the build embeds, taken
    from a Go module: (module, path in it); a JSON file named ``schema.json`` gets ``version`` written into it.
    ``minutes`` is what a cold build took on two cores, alone, with a warm module download.
    """

    name: str
    version: str
    module: str
    package: str
    linker: tuple[str, ...] = ()
    probe: tuple[str, ...] | None = None
    copies: tuple[tuple[str, str], ...] = ()
    minutes: float
    on_demand: bool = False


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files from a Go module that is downloaded, checked against ``sum`` and never built.

    ``patterns`` are globs below the module's root. ``sum`` is the module's `h1:` hash as in a go.sum.
    """

    name: str
    module: str
    version: str
    sum: str
    patterns: tuple[str, ...]
