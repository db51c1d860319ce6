"""Ports of 127.0.0.1."""

import contextlib
import os
import socket

from local.trouble import Trouble


def chosen_port() -> int:
    """The PORT that make was given, 3000 without one."""
    told = os.environ.get("PORT") or "3000"
    if not told.isdigit() or not 0 < int(told) < 65536:
        raise Trouble(f"PORT={told} is no port: a number up to 65535, as in make run PORT=3001")
    return int(told)


def free_port() -> int:
    """A port that nobody has right now."""
    with listening(0) as chosen:
        return int(chosen.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether we could listen there."""
    with contextlib.suppress(OSError), listening(port):
        return True
    return False


def listening(port: int) -> socket.socket:
    """A listening socket; raises OSError when the port is taken."""
    return socket.create_server(("127.0.0.1", port))


def claimed(port: int) -> socket.socket:
    """The same for a port that somebody chose: Trouble tells them to choose another."""
    try:
        return listening(port)
    except OSError:
        raise Trouble(
            f"port {port} is taken: stop what listens there, or choose another, as in make run PORT={port + 1}"
        ) from None
