"""The start of the helper: hook scripts run this file by its path, before any package is known.

Called as ``helper.py <seconds> <module> <word>...``, with ``hook`` or ``policy`` and its words. It
prints a line with a #, what the module answers, and a # with the exit status: comments in each
shell, by which that tells an answer from a Python that does not start, a helper that was killed and
one that failed. After *seconds* it ends itself; 0 leaves that to the shell.

Compiled each time, so the rest of it is ``errors.serve``.
"""

import _signal  # type: ignore[import-not-found]  # typeshed has none
import sys

# Before all that takes time: Ctrl-C is to print no traceback.
_signal.signal(_signal.SIGINT, _signal.SIG_DFL)
if sys.argv[1] != "0":
    _signal.setitimer(_signal.ITIMER_REAL, int(sys.argv[1]))

import os  # noqa: E402  # takes time

try:
    os.write(1, b"#\n")
except OSError:
    os._exit(1)  # The shell has gone.
# At the end, so that nothing there stands in for a module of Python's.
sys.path.append(os.path.dirname(os.path.dirname(__file__)))
try:
    if sys.argv[2] == "policy":
        from venvhook.policy import respond
    else:
        from venvhook.hook import respond
    from venvhook.errors import serve
except Exception as error:
    # A package that is not whole.
    if os.environ.get("VENVHOOK_DEBUG") == "1":
        sys.excepthook(*sys.exc_info())
    else:
        try:  # noqa: SIM105  # contextlib takes time
            os.write(2, b"venvhook: the helper failed: %a\n" % error)
        except OSError:
            pass  # Nobody can be told.
    os.write(1, b"#1")
    os._exit(1)
del sys.argv[:2]
serve(respond)
