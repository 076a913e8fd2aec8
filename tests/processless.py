"""Becomes the program of its arguments, in which no process can be started, but threads can.

Linux counts both by one limit, ``ulimit -u``, and fish ends where it can start no thread. Ends with
status 77 where the kernel does not take a filter of system calls (seccomp(2)) from us.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

UNABLE = 77

# What starts a process on each machine (clone starts threads too), and clone3, which says only in
# memory which of both it is to start: libraries go back to clone where that is missing.
_FORKS: dict[str, tuple[int, ...]] = {"x86_64": (57, 58), "aarch64": ()}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_CLONE_THREAD = 0x10000

# linux/filter.h and linux/seccomp.h
_LOAD, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _FLAGS = 0, 16  # where these are in struct seccomp_data
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def _filter(machine: str) -> bytes:
    """Return the filter for *machine*: each step is a code, two jumps and a value."""
    steps = [(_LOAD, 0, 0, _NUMBER)]
    for number, error in ((_CLONE3, errno.ENOSYS), *((n, errno.EAGAIN) for n in _FORKS[machine])):
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | error)]
    steps += [
        (_IF_EQUAL, 0, 3, _CLONE[machine]),
        (_LOAD, 0, 0, _FLAGS),
        (_IF_ANY, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _FAIL | errno.EAGAIN),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def start_no_process() -> bool:
    """Forbid this process and what it becomes to start any; say whether that is possible here."""
    machine = platform.machine()
    if machine not in _CLONE:
        return False
    code = _filter(machine)
    memory = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None)
    failed = libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _SET_SECCOMP, _MODE_FILTER, program, 0, 0
    )
    return int(failed) == 0


if __name__ == "__main__":
    if not start_no_process():
        sys.exit(UNABLE)
    os.execv(sys.argv[1], sys.argv[1:])
