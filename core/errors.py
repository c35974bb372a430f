"""The kind of error that a person can mend: its message is one line that says what, where and what to do."""


class UsageError(Exception):
    """Wrong usage, config, data or files. Programs exit with status 2 on it and print only its message."""
