"""Run a command for as long as the parent lives.

Started as `python -m mantik_tui.sync.demo_child COMMAND...` in a session of its own, with a pipe as stdin whose other end
only the parent holds. When the parent goes, by whatever way, that pipe ends, and with it the command and all that the
command has started. (Linux's parent-death signal would do the same, but it fires when the *thread* that started the
child ends, and there is none on macOS.)
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time

GRACE_S = 8.0


def main(command: list[str]) -> int:
    """Run `command` until it ends, the parent ends, or a TERM comes. A session leader then ends with its whole group."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while child.poll() is None:
            for key, _ in selector.select():
                said = os.read(key.fd, 64)
                if (key.fd == 0 and not said) or signal.SIGTERM in said or signal.SIGINT in said:
                    end_group(child)
                    return 0
    end_group(child)
    return child.returncode


def end_group(child: subprocess.Popen[bytes]) -> None:
    """TERM to everything in our session's group, a while for the command to end in, then KILL, ourselves included.

    Without a group of our own only the command is ended.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leads = os.getpid() == os.getpgrp()
    if leads:
        os.killpg(0, signal.SIGTERM)
    elif child.poll() is None:
        child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_S)
    if leads:
        time.sleep(0.2)  # for what the command has started and left behind
        os.killpg(0, signal.SIGKILL)
    elif child.poll() is None:
        child.kill()
        child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
