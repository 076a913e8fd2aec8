"""What venvhook says when something is wrong: exceptions, the line on stderr, harmless names."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Directional formatting and isolates (Unicode UAX #9): they reorder a line on the screen.
_BIDIRECTIONAL = frozenset((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# Line and paragraph separators, and the byte order mark, which has no width.
_INVISIBLE = frozenset((0x2028, 0x2029, 0xFEFF))


class VenvhookError(Exception):
    """An expected failure: one line that says what, where and what to do."""

    exit_code = 1


class UsageError(VenvhookError):
    """The command was called wrongly."""

    exit_code = 2


class OutputError(VenvhookError):
    """Standard output cannot be written, as *error* says; the work itself did not fail."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output: {error.strerror}; what was done until then stays")


def is_harmless(code: int) -> bool:
    """Return whether the code point *code* only draws itself."""
    if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
        return False
    return code not in _BIDIRECTIONAL and code not in _INVISIBLE


def shown(value: bytes, limit: int = 200) -> str:
    """Return *value* as text for a terminal, at most *limit* characters.

    What is not UTF-8, control characters (C0, DEL, C1), bidirectional marks and line separators are
    escaped as in a Python string; a long value loses its middle.
    """
    text = value.decode("utf-8", "backslashreplace")
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            c if is_harmless(ord(c)) else c.encode("unicode_escape").decode("ascii") for c in text
        )
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return text[:half] + "..." + text[-half:]


def run(respond: Callable[[list[bytes], Mapping[str, str]], bytes]) -> None:
    """Write what *respond* answers to ``sys.argv`` to stdout, or one line to stderr, and exit.

    The boundary of the fast road: a shell must never see a traceback on ``cd``. Exits with 0 for an
    answer, 1 for a failure, 2 for a wrong call, 130 if interrupted.
    """
    sys.exit(_answered(respond))


def serve(respond: Callable[[list[bytes], Mapping[str, str]], bytes]) -> None:
    """Do the same for the helper, which writes a # and the exit status behind the answer."""
    try:
        status = _answered(respond)
    except Exception:
        # VENVHOOK_DEBUG asks for a traceback.
        sys.excepthook(*sys.exc_info())
        status = 1
    os.write(1, b"#%d" % status)
    os._exit(status)  # At once: there is nothing to tidy up.


def _answered(respond: Callable[[list[bytes], Mapping[str, str]], bytes]) -> int:
    """Write what *respond* answers to ``sys.argv``, or one line; return the exit status."""
    try:
        return _printed(respond([os.fsencode(word) for word in sys.argv[1:]], os.environ))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return explained(error)


def _printed(answer: bytes) -> int:
    """Write *answer* to stdout; return 0, or 1 where nobody reads it. Raises OutputError."""
    try:
        while answer:
            answer = answer[os.write(1, answer) :]
    except BrokenPipeError:
        return 1
    except OSError as error:
        raise OutputError(error) from error
    return 0


def explained(error: Exception) -> int:
    """Say in one line on stderr what *error* is, and return the exit status.

    Raises it instead where VENVHOOK_DEBUG asks for a traceback.
    """
    if os.environ.get("VENVHOOK_DEBUG") == "1":
        raise error
    if isinstance(error, VenvhookError):
        complain(str(error))
        return error.exit_code
    what = f"failed ({type(error).__name__}: {error})"
    if isinstance(error, OSError) and error.strerror:
        file = f": {shown(os.fsencode(error.filename))}" if error.filename else ""
        what = f"cannot go on ({error.strerror}{file})"
    complain(f"{what}; VENVHOOK_DEBUG=1 shows where")
    return 1


def complain(message: str) -> None:
    """Write *message* to stderr as the one line that an error is."""
    line = shown(message.encode("utf-8", "surrogateescape"), limit=1000)
    os.write(2, f"venvhook: {line}\n".encode())
