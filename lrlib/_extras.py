"""Packages that may be missing, and which extra of pyproject.toml installs them."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str, purpose: str) -> Iterator[None]:
    """Stand around imports that need an extra: if one fails, name the command that installs it.

    Args:
        name: The extra, such as "data".
        purpose: What needs it, such as "reading CIFAR-10".

    Raises:
        ImportError: A package is missing.

    Example:
        >>> with extra("plots", "drawing"):
        ...     import no_such_package
        Traceback (most recent call last):
        ImportError: drawing needs no_such_package, which is not installed: python -m pip install
        "lrlib[plots]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise ImportError(
            f"{purpose} needs {package}, which is not installed: "
            f'python -m pip install "lrlib[{name}]"'
        ) from error
