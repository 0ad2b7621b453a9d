"""Asks the process that forks for one: imported by `children`, and the program that a shell starts.

A page of the documentation starts it dozens of times, so it imports little.
"""

import array
import json
import os
import signal
import socket
import sys

#: Where the process that forks listens.
VARIABLE = "PRECEPTOR_TESTS_CHILDREN"


def ask(place: str, request: dict[str, object], files: list[int]) -> socket.socket:
    """A line to the new process: first its id comes, and at its end the exit code."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(place)
    passed = array.array("i", files)
    line.sendmsg(
        [json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed.tobytes())]
    )
    return line


def relay(words: list[str]) -> int:
    """The command line in a fork, with this process's files and signals; its exit code."""
    request = {
        "words": words,
        "code": None,
        "alone": False,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }
    line = ask(os.environ[VARIABLE], request, [0, 1, 2])
    child = int(line.recv(64))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    code = int(line.recv(64))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(relay(sys.argv[1:]))
