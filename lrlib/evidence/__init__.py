"""The recorded study: what was run, what came out, and what it says of the book's claims."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrlib.evidence import rows, study

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

    def differences(self, ax: "Axes", budget: str = "long", *, reference: str = "fixed") -> "Axes":
        """Draw each strategy's test accuracy minus another's, in pairs, with 95 % intervals.

        Args:
            ax: Where to draw.
            budget: "short" or "long".
            reference: A key of `lrlib.evidence.study.VARIANTS`.

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record has no runs of a variant at this budget.
        """
        from lrlib.evidence import figures

        return figures.differences(ax, self.rows, budget, reference)

    def edge(self, ax: "Axes") -> "Axes":
        """Draw how runs end at ever higher peak rates, every seed, with and without warm-up.

        Args:
            ax: Where to draw.

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record has no such runs.
        """
        from lrlib.evidence import figures

        return figures.edge(ax, self.rows)

    def suggestions(self, ax: "Axes", variant: str = "fixed") -> "Axes":
        """Draw what the finder's four rules suggest, every seed, beside the tuned rate.

        Args:
            ax: Where to draw.
            variant: "fixed" or "cosine".

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record has no finder's runs of the variant.
        """
        from lrlib.evidence import figures

        return figures.suggestions(ax, self.rows, variant)

    def at_suggestion(self, ax: "Axes", variant: str = "fixed") -> "Axes":
        """Draw the validation accuracy of short runs at the finder's rate and at the tuned one.

        Both are means after each epoch, with their 95 % intervals.

        Args:
            ax: Where to draw.
            variant: "fixed" or "cosine".

        Returns:
            The axes that were passed.

        Raises:
            ValueError: The record has no finder's runs of the variant, or none at its tuned rate.
        """
        from lrlib.evidence import figures

        return figures.at_suggestion(ax, self.rows, variant)

    def explore(self, variant: str, budget: str = "long") -> object:
        """Show a slider over the peak rates that were tried, and the loss of the runs at each.

        Args:
            variant: A key of `lrlib.evidence.study.VARIANTS`.
            budget: "short" or "long".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: The record lacks rates of the variant's grid at this budget.
        """
        from lrlib import explore
        from lrlib.evidence import figures

        grid, _, _ = figures.tuning(self.rows, variant, budget)

        def draw(ax: "Axes", peak_lr: float) -> None:
            figures.learning(ax, self.rows, variant, budget, peak_lr)

        alt = "The training loss of the recorded tuning runs, those at one peak rate in front:"
        return explore.sliders(draw, alt, peak_lr=grid)

    def explore_peaks(self, variants: Sequence[str], budget: str = "long") -> object:
        """Show a slider over peak rates that all these strategies ran at, and how they end there.

        Args:
            variants: Keys of `lrlib.evidence.study.VARIANTS`.
            budget: "short" or "long".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: The record lacks rates of a variant's grid at this budget.
        """
        from lrlib import explore
        from lrlib.evidence import figures

        grids = [set(figures.tuning(self.rows, variant, budget)[0]) for variant in variants]

        def draw(ax: "Axes", peak_lr: float) -> None:
            figures.at_one_peak(ax, self.rows, variants, budget, peak_lr)

        labels = ", ".join(study.VARIANTS[variant].label for variant in variants)
        alt = f"Validation accuracy after each epoch at one peak rate: {labels}."
        return explore.sliders(draw, alt, height=3.4, peak_lr=sorted(set.intersection(*grids)))

    def compare(
        self, variants: Sequence[str], *, chosen: Sequence[str], budget: str = "long"
    ) -> object:
        """Show boxes to tick: each draws a strategy's learning rate and its accuracy.

        Args:
            variants: Keys of `lrlib.evidence.study.VARIANTS`, at least two.
            chosen: Those that are shown at first.
            budget: "short" or "long".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: The record has no runs of a variant at this budget.
        """
        from lrlib import _compare
        from lrlib.evidence import figures

        keys = {study.VARIANTS[variant].label: variant for variant in variants}

        def draw(axes: "Sequence[Axes]", label: str) -> None:
            figures.strategy(axes, self.rows, keys[label], budget)

        return _compare.compare(
            draw,
            list(keys),
            "Left the learning rate over the run, right the validation accuracy after each epoch, "
            "with 95 % intervals.",
            chosen=[study.VARIANTS[variant].label for variant in chosen],
            columns=2,
            height=3.6,
        )

    def verdicts(self, chapter: str) -> "HTML":
        """List a chapter's claims, each with its verdict, its interval and n.

        Args:
            chapter: A notebook's name, such as "04-cosine-annealing".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: There are no claims for the chapter, or no rows for a claim.
        """
        from lrlib.evidence import tables

        return _html(tables.verdicts(self.rows, chapter))

    def advice(self, claim: str, *, holds: str, fails: str, undecided: str) -> "HTML":
        """Give the advice that belongs to a claim's verdict, with the evidence below it.

        Args:
            claim: The id of a claim in `claims.yml`.
            holds: What to advise if the claim holds.
            fails: What to advise if it fails.
            undecided: What to advise if the record cannot decide.

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: There is no such claim, or there are no rows for it.
        """
        from lrlib.evidence import tables

        words = {"holds": holds, "fails": fails, "undecided here": undecided}
        return _html(tables.advice(self.rows, claim, words))

    def table(self, what: str) -> "HTML":
        """Show a table: what the record holds, what came out, or all claims with their verdicts.

        Args:
            what: "short" or "long" for the accuracies at that budget, "weight decay", "claims",
                "second look" or "protocol".

        Returns:
            An object that notebooks and pages display.

        Raises:
            ValueError: There is no such table, or the record lacks runs for it.
        """
        from lrlib.evidence import tables

        if what in study.EPOCHS:
            return _html(tables.accuracies(self.rows, what))
        others = {
            "weight decay": tables.decays,
            "claims": tables.every_claim,
            "second look": tables.second_look,
            "protocol": tables.protocol,
        }
        if what not in others:
            known = ", ".join([*study.EPOCHS, *others])
            raise ValueError(f"what must be one of {known}, got {what!r}")
        return _html(others[what](self.rows))


def _html(text: str) -> "HTML":
    from IPython.display import HTML

    return HTML(text)
