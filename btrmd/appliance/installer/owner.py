"""Owner: work in a folder of another user's, done as that user.

Root writes nothing into a folder that somebody else rules: a link laid there would lead it
anywhere. A child process gives its rights up first.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

MOST = 4096  # bytes of an answer


def as_owner(folder: Path, work: Callable[[], str]) -> str:
    """What `work` returns, run in a child process that is the owner of `folder`; "" where there is
    no such folder, and "it failed" when it raises. For a process without threads."""
    try:
        found = folder.stat()
    except OSError:
        return ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(found.st_gid)
                os.setuid(found.st_uid)
            os.umask(0o077)
            os.write(writing, work().encode("utf-8", "replace")[:MOST])
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return text if os.waitstatus_to_exitcode(status) == 0 else "it failed"
