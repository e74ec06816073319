"""Exercises that check themselves: a wrong answer gets a hint instead of an error."""

import os
from collections.abc import Callable

from lrlib._extras import extra
from lrlib._markup import marked_up
from lrlib._styles import styled

with extra("widgets", "an exercise"):
    from IPython.display import HTML


def check(test: Callable[..., None], *answers: object) -> HTML:
    """Test an answer, and say that it is right or give a hint.

    Args:
        test: Called with the answers. Its assertions carry the hints, such as
            `assert rate < 1, "At 1 the rate never falls."`
        answers: The reader's values or functions. An answer that is still `...` is not tested.

    Returns:
        An object that notebooks and pages display.

    Raises:
        ValueError: An assertion of the test has no hint.

    Example:
        >>> def test(factor):
        ...     assert factor < 1, "The rate has to fall."
        >>> "Not yet. The rate has to fall." in check(test, 2).data
        True
        >>> "Right." in check(test, 0.1).data
        True
    """
    if any(answer is ... for answer in answers):
        return _feedback("not-yet", "Not yet. Put your answer in place of the dots, and run again.")
    try:
        test(*answers)
    except AssertionError as error:
        if not str(error):
            raise ValueError(
                f"an assertion of {test.__name__} has no hint; write `assert ..., 'the hint'`"
            ) from error
        return _feedback("not-yet", f"Not yet. {error}")
    except Exception as error:  # the reader's own function may raise anything
        return _feedback("not-yet", f"Not yet. It stopped with {type(error).__name__}: {error}")
    return _feedback("right", "Right. The check finds nothing wrong.")


def _feedback(kind: str, text: str) -> HTML:
    if kind == "not-yet" and os.environ.get("LRLIB_STATIC"):  # nobody can type on a page
        return HTML(
            "<p>Run this chapter, and the check tells you whether your answer is right.</p>"
        )
    mark = {"right": "✓", "not-yet": "✗"}[kind]
    return HTML(styled(f'<p class="lrlib-{kind}" role="status">{mark} {marked_up(text)}</p>'))
