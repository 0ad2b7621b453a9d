"""The process that runs a local model: llama.cpp's OpenAI-compatible server on 127.0.0.1.

Started by :mod:`preceptor.systems.local.model`, as a plain file, so that it imports nothing else of
the package. It reads the key that it will ask of its callers from the first line of its standard
input, prints its port as one line when the model is loaded, and ends with its parent: when its
standard input ends, and on Linux by a signal even where somebody else still holds that open.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import urllib.parse

#: Tokens after which an answer ends where the request sets no limit: small models may never stop.
LONGEST_ANSWER = 1024
#: Megabytes of earlier prompts kept, so that questions about a few texts can come interleaved.
PROMPT_CACHE_MIB = 512
#: llama.cpp's level of warnings and errors.
_WARNINGS = 2


def main() -> None:
    """Serve until the parent ends."""
    arguments = _arguments()
    _end_with_parent(arguments.parent)
    with os.fdopen(0, "rb", buffering=0, closefd=False) as parent:
        key = parent.readline().decode().strip()
    watcher = threading.Thread(target=_end_with_input, daemon=True)
    watcher.start()
    announce = _only_announcements()
    try:
        server = _serve(arguments, key)
    except Exception as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    port = urllib.parse.urlsplit(server.listening_address).port
    with os.fdopen(announce, "w") as line:
        print(port, file=line)
    watcher.join()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve one GGUF model on 127.0.0.1.")
    parser.add_argument("model", help="the GGUF file")
    parser.add_argument("--alias", required=True, help="the name it has in replies")
    parser.add_argument("--context", type=int, default=8192, help="tokens per slot")
    parser.add_argument("--slots", type=int, default=1, help="questions answered at once")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parent", type=int, help="end with the process of this id (Linux)")
    return parser.parse_args()


def _serve(arguments: argparse.Namespace, key: str):  # type: ignore[no-untyped-def]
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = arguments.model
    settings.model_alias = {arguments.alias}
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.api_keys = [key] if key else []
    settings.n_ctx = arguments.context * arguments.slots
    settings.n_parallel = arguments.slots
    # On small shared machines a second thread made everything slower.
    settings.cpuparams.n_threads = arguments.threads
    settings.cpuparams_batch.n_threads = arguments.threads
    settings.n_threads_http = arguments.slots + 2
    # An answer must not depend on what was asked before it. With flash attention, or with weights
    # repacked for large batches, a prompt whose start was cached is read in other pieces, and the
    # probability of a yes was up to 0.05 off. Without both, and with one slot, it is the same; and
    # prompts are not read more slowly.
    settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    settings.no_extra_bufts = True
    settings.n_predict = LONGEST_ANSWER
    settings.cache_ram_mib = PROMPT_CACHE_MIB
    settings.verbosity = _WARNINGS
    settings.ui = False
    settings.offline = True
    return xllamacpp.Server(settings)


def _only_announcements() -> int:
    """Keep standard output for the port: whatever else is printed there goes to the log."""
    announce = os.dup(1)
    os.dup2(2, 1)
    return announce


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)  # without ado: there is nothing to save, and the server's own end can hang


def _end_with_parent(parent: int | None) -> None:
    """Have Linux kill this process when its parent dies, even where it is killed itself."""
    if parent is None or sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)


if __name__ == "__main__":
    main()
