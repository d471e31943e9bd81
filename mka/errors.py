"""The one family of errors of MKA.

    MkaError
    ├── BadInput    the request cannot be done as asked       (exit code 2)
    ├── RunFailed   a run or a verification failed midway     (exit code 1)
    └── Cancelled   the user stopped it                       (exit code 130)

Every message is one line that says what happened, why, and what to do.
"""


class MkaError(Exception):
    """Base of every error that MKA raises on purpose; its text is fit for a user's screen."""

    exit_code = 1


class BadInput(MkaError):
    """The request cannot be done as asked; nothing was computed or written."""

    exit_code = 2


class RunFailed(MkaError):
    """A run or a verification failed midway; nothing half-done is left behind."""

    exit_code = 1


class Cancelled(MkaError):
    """The user stopped a run; nothing half-done is left behind."""

    exit_code = 130
