"""What ends a run through nobody's mistake: exit status 1. Each message is one line that says what is left."""


class NotFiniteError(RuntimeError):
    """The loss stays NaN or infinite whatever the trainer does."""


class NotSavedError(RuntimeError):
    """The run had to end and its last step could not be saved."""
