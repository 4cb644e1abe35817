"""The command that tells a story, in a process of its own that can be killed: forked, so that it starts in no time."""

import os
import sys
from multiprocessing import get_context
from pathlib import Path

from cli.release_story import story

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def _run(name, folder, output):
    os.setsid()
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    output.close()
    sys.stdout.reconfigure(line_buffering=True)
    os.chdir(Path(__file__).parents[2])
    story(name, folder=Path(folder))


def begin(name, folder):
    """Start the command, and return its process and what it prints."""
    reader, writer = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_run, args=(name, str(folder), writer))
    process.start()
    writer.close()
    said = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
    reader.close()
    return process, said
