"""The one exception a user is meant to see."""


class AttendError(Exception):
    """Bad input or a broken file, told in one line: what was found, where, and what would be right.

    The command line prints the line and exits with code 2; from Python it is an ordinary exception.
    """
