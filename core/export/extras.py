"""Packages that only an export needs: loaded when it is asked for, and named where they are missing."""

from importlib import import_module
from typing import Any

from core.export.place import ExportError


def needed(module: str, extra: str) -> Any:
    """The module. Raises ExportError, with the command that installs the extra which brings it, where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExportError(
            f"the package {package} is missing ({error}); install it with: pip install 'distill-tui[{extra}]'"
        ) from error
