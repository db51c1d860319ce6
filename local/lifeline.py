"""A child that ends when its parent does, however the parent ends.

A killed parent can't tidy up, and PostgreSQL would then run on. So this file, run as a script,
stands between: it starts the command and, when its own standard input closes (the kernel closes
the pipe of a dead parent), signals the command. Portable, where a parent-death signal is Linux's.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO


def tethered(
    command: list[str],
    *,
    at_the_end: signal.Signals,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    """Start a command that gets the signal `at_the_end` once the returned process's stdin closes.

    It has a session of its own, so that Ctrl-C reaches us alone and we stop things in order. The
    returned process ends when the command does.
    """
    script = [sys.executable, "-I", "-S", __file__, str(at_the_end.value)]
    return subprocess.Popen(
        [*script, *command],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=env,
        pass_fds=pass_fds,
        start_new_session=True,
    )


def _main(at_the_end: int, command: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Python's handler answers until the exec
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            os.execvp(command[0], command)  # noqa: S606 - no shell is what is wanted
        except OSError as error:
            os.write(2, f"FATAL: {command[0]}: {error.strerror}\n".encode())
            os._exit(127)

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(child, at_the_end)

    threading.Thread(target=watch, daemon=True).start()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    code = _main(int(sys.argv[1]), sys.argv[2:])
    os._exit(code if code >= 0 else 128 - code)
