"""The kind of error that a person can mend: its message is one line that says what, where and what to do."""


class UsageError(Exception):
    """Wrong usage, config, data or files. Programs exit with status 2 on it and print only its message."""


class DataError(UsageError):
    """The data folder cannot be trained on; the message is one line: what, where, what to do."""


def one_line(error: BaseException) -> str:
    """The error as a person should read it: one line, with its kind where that says something."""
    text = " ".join(str(error).split())
    if isinstance(error, UsageError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
