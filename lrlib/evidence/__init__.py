"""The recorded study: what was run, what came out, and what it says of the book's claims."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrlib.evidence import rows

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.axes import Axes


class Record:
    """The recorded runs on CIFAR-10, with the figures and verdicts that are drawn from them.

    Every strategy is tuned alike on validation images, then run with the same fresh seeds at its
    tuned peak rate. `lrlib.evidence.study` describes the study.

    Args:
        recorded: The rows. `None` reads the record that comes with lrlib.

    Raises:
        ValueError: A row is faulty; the message names the file and the line.

    Example:
        >>> record = Record()
        >>> {row.dataset for row in record.rows}
        {'CIFAR-10'}
    """

    def __init__(self, recorded: Sequence[rows.Row] | None = None) -> None:
        self.rows = rows.read() if recorded is None else list(recorded)

    def curves(self, ax: "Axes", variants: Sequence[str], budget: str = "long") -> "Axes":
        """Draw the validation accuracy after each epoch: the mean and its 95 % interval.

        Args:
            ax: Where to draw.
            variants: Keys of `lrlib.evidence.study.VARIANTS`, such as "cosine".
            budget: "short" or "long".

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record has no runs of a variant at this budget.
        """
        from lrlib.evidence import figures  # here, so that recording needs no matplotlib

        return figures.curves(ax, self.rows, variants, budget)

    def sensitivity(self, ax: "Axes", variants: Sequence[str], budget: str = "long") -> "Axes":
        """Draw the final validation accuracy against the peak rate, with every tuning seed.

        A circle marks the tuned rate, a bar the rates whose mean is within 1 point of it.

        Args:
            ax: Where to draw.
            variants: Keys of `lrlib.evidence.study.VARIANTS`.
            budget: "short" or "long".

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record lacks rates of a variant's grid at this budget.
        """
        from lrlib.evidence import figures

        return figures.sensitivity(ax, self.rows, variants, budget)

    def verdicts(self, chapter: str) -> "HTML":
        """List a chapter's claims, each with its verdict, its interval and n.

        Args:
            chapter: A notebook's name, such as "04-cosine-annealing".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: There are no claims for the chapter, or no rows for a claim.
        """
        from IPython.display import HTML

        from lrlib.evidence import figures

        return HTML(figures.verdicts(self.rows, chapter))
