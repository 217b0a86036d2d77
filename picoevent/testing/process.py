"""The life of a private server process: its temporary folder, its port, start, stop, kill, pause, resume.

Not about any one kind of server; those are in `picoevent.testing.servers`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Self

from picoevent.errors import PicoEventError

HOST = "127.0.0.1"
# Below the ports that the kernel hands out to outgoing connections, so that a server that was
# stopped finds its port still free when it starts again.
PORTS = range(20_000, 32_768)
START_SECONDS = 60.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
LOG_LINES_SHOWN = 12


class PrivateServerError(PicoEventError):
    """A private server is not installed, did not start, or did not do in time what a test waits for."""


class PrivateServer(ABC):
    """One server program: its temporary folder, its port on 127.0.0.1 and its process.

    It dies with the thread that launched it (PR_SET_PDEATHSIG is about threads), so start it from one that
    lives as long as the server is needed; the main thread is the usual one. `with` starts and closes it.
    """

    program: ClassVar[str]
    package: ClassVar[str]

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def folder(self) -> Path:
        """The temporary folder, which only its owner can enter; raises before the first start."""
        if self._folder is None:
            raise PrivateServerError(f"The private {self.program} was not started yet.", hint="Call start().")
        return Path(self._folder.name)

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, the same after a restart; 0 before the first start."""
        return self._port

    @property
    def socket(self) -> Path:
        """The unix socket."""
        return self.folder / "socket"

    @property
    def pid(self) -> int:
        """The process id; raises where nothing runs."""
        return self._running().pid

    def start(self) -> Self:
        """Start, and return when the server answers. After `stop` or `kill`, start again on the same data."""
        start_all(self)
        return self

    def stop(self) -> None:
        """Shut down in good order and keep the data; a server that takes longer than 30 s is killed."""
        process = self._running()
        self.resume()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def kill(self) -> None:
        """End the process at once, as a crash does, and keep the data."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze the process: connections stay open, and from now on nothing is answered."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)
        # Without this its threads may go on for a moment. A process that has ended is left for wait().
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process and delete its folder; calling it twice is fine."""
        if self._process is not None:
            self.kill()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def prepare(self) -> None:
        """Make what the first start needs: folder, port and empty data. Does nothing the second time."""
        find_program(self.program, self.package)
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="picoevent-")
            self._port = free_port()
            self._create_data()

    def launch(self) -> None:
        """Start the process, and return without waiting for it to answer."""
        if self._process is not None and self._process.poll() is None:
            raise PrivateServerError(f"The private {self.program} runs already.", hint="Call stop() first.")
        command = [*_tied_to_this_thread(), find_program(self.program, self.package), *self._options()]
        with (self.folder / "log").open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches the test run and not its servers.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self) -> None:
        """Return when the server answers; if it does not, raise with the end of its log."""
        process = self._running()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None:
                raise self._failed(f"ended with exit code {process.returncode} before it answered")
            if time.monotonic() > deadline:
                raise self._failed(f"did not answer within {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _options(self) -> list[str]:
        """Return the arguments of the program."""

    @abstractmethod
    def _answers(self) -> bool:
        """Ask the server for a sign of life."""

    @abstractmethod
    def _create_data(self) -> None:
        """Fill the new folder with what the program needs before its first start."""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise PrivateServerError(f"The private {self.program} does not run.", hint="Call start() first.")
        return self._process

    def _failed(self, what: str) -> PrivateServerError:
        lines = (self.folder / "log").read_text("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:]
        self.close()
        return PrivateServerError("\n".join([f"The private {self.program} {what}. Its log ends with:", *lines]))


def start_all(*servers: PrivateServer) -> None:
    """Start several servers at once, and return when all answer; name a primary before its replicas.

    If one does not start, all are closed.
    """
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.prepare(), servers))
        # Launched here and not in the pool: a server dies with the thread that launched it.
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_ready()
    except BaseException:
        for server in servers:
            server.close()
        raise


def find_program(program: str, package: str) -> str:
    """Return the path of an installed program; the error names the Debian package that has it."""
    # Debian keeps servers in /usr/sbin, which is not in the PATH of everybody.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        raise PrivateServerError(f"{program} is not installed.", hint=f"Run: apt-get install {package}")
    return found


def _tied_to_this_thread() -> list[str]:
    """Return the command that has the kernel kill a program when the thread that launched it ends.

    A program of its own instead of Python code between fork and exec, which is not safe beside threads. Where
    it is missing (it belongs to Linux), servers of a test run that is killed stay behind.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def free_port() -> int:
    """Find a port that nobody listens on; drawn at random, so that two runs do not race for the same one."""
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
