"""The controls of `lrlib.explore` where a kernel runs, from ipywidgets.

What a callback draws, and the error it raises, go into the value of an HTML widget. An `Output`
widget would catch what other threads print, and lose what a thread of its own prints.
"""

import contextvars
import html
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lrlib import plots
from lrlib._extras import extra
from lrlib._interrupts import Interrupts
from lrlib.train import History

with extra("widgets", "a figure to play with"):
    import ipywidgets

Range = tuple[float, float, float] | list[float]
Values = dict[str, float]

_KEPT = 4
_COLOURS = ("blue", "orange", "green", "purple")
_BETWEEN_DRAWINGS = 0.5  # seconds in which the training goes on undisturbed
_ECHO = 0.3  # seconds; no reader sees a run end, decides and presses again within them

_training: "Retraining | None" = None  # the one that trains now; there is one in a kernel


def words(name: str) -> str:
    return name.replace("_", " ").replace("lr", "learning rate")


def is_logarithmic(low: float, high: float) -> bool:
    return low > 0 and high / low >= 100


def first_value(limits: Range) -> float:
    """Where a slider begins."""
    return limits[len(limits) // 2] if isinstance(limits, list) else limits[2]


def is_whole(limits: Range) -> bool:
    return all(isinstance(value, int) for value in limits)


def sliders(picture: Callable[[Values], str], ranges: Mapping[str, Range]) -> ipywidgets.VBox:
    """Show a picture that is drawn again whenever a slider moves."""
    controls = {name: _control(name, limits) for name, limits in ranges.items()}
    return _with_picture(list(controls.values()), lambda: picture(_values(controls)))


def boxes(
    picture: Callable[[Sequence[str]], str], names: Sequence[str], chosen: Sequence[str]
) -> ipywidgets.VBox:
    """Show a picture that is drawn again whenever a box is ticked or cleared."""
    controls = {
        name: ipywidgets.Checkbox(name in chosen, description=name, indent=False) for name in names
    }

    def drawn() -> str:
        return picture([name for name, box in controls.items() if box.value])

    return _with_picture(list(controls.values()), drawn)


def _with_picture(controls: Sequence[Any], picture: Callable[[], str]) -> ipywidgets.VBox:
    # The first one is drawn here: an error in it is an error of the cell.
    figure = ipywidgets.HTML(picture())

    def redraw(_: object) -> None:
        try:
            figure.value = picture()
        except Exception as error:  # the reader's own function may raise anything
            figure.value = _fault(error, "Change a value to draw again.")

    for control in controls:
        control.observe(redraw, "value")
    return ipywidgets.VBox([*controls, figure])


def _control(name: str, limits: Range) -> Any:
    options: dict[str, Any] = {
        "description": words(name),
        "style": {"description_width": "9em"},
        "layout": {"width": "28em"},
    }
    if isinstance(limits, list):
        texts = [(f"{value:.4g}", value) for value in limits]
        return ipywidgets.SelectionSlider(options=texts, value=first_value(limits), **options)
    low, high, first = limits
    if is_logarithmic(low, high):
        return ipywidgets.FloatLogSlider(
            value=first, min=math.log10(low), max=math.log10(high), step=0.02, **options
        )
    if is_whole(limits):
        return ipywidgets.IntSlider(value=first, min=low, max=high, **options)
    return ipywidgets.FloatSlider(
        value=first, min=low, max=high, step=(high - low) / 100, readout_format=".3g", **options
    )


def _values(controls: Mapping[str, Any]) -> Values:
    return {name: control.value for name, control in controls.items()}


def _fault(error: BaseException, advice: str) -> str:
    """The error for the reader; `tests/notebooks/check_executed.py` looks for the class."""
    last = html.escape(traceback.format_exception_only(error)[-1].strip())
    full = html.escape("".join(traceback.format_exception(error)))
    return (
        '<div class="lrlib-error" role="alert" '
        'style="border-left: 4px solid var(--lrlib-red, #c9252d); padding-left: 1em">'
        f"<p><strong>{last}</strong></p><p>{advice} If the error stays, mend the function in the "
        f"cell and run the cell again.</p><details><summary>Where it happened</summary>"
        f'<pre style="line-height: 1.3">{full}</pre></details></div>'
    )


class _Run(NamedTuple):
    values: Values
    colour: str
    history: History


class Retraining:
    """A form that trains with the values of its sliders and compares the last runs.

    Training has a thread of its own, so that the kernel hears the buttons meanwhile. That thread
    alone changes what is shown while it lives. Ctrl-C reaches the kernel's main thread only, so it
    can leave nothing half done here.

    Args:
        run: Called as `run(**values, on_step=...)`, returns a history.
        alt: What the figure shows, in a sentence.
        steps: The steps of a run.
        recorded: Histories to compare with, by name.
        ranges: For each parameter (lowest, highest, first value).
    """

    def __init__(
        self,
        run: Callable[..., History],
        alt: str,
        steps: int,
        recorded: Mapping[str, History],
        ranges: Mapping[str, Range],
    ) -> None:
        self._run, self._alt, self._steps, self._recorded = run, alt, steps, recorded
        self._controls = {name: _control(name, limits) for name, limits in ranges.items()}
        self._first = {name: first_value(limits) for name, limits in ranges.items()}
        self._runs: list[_Run] = []
        self._stop = False  # an Event has a lock, and Ctrl-C could leave it locked
        self._ended = -math.inf
        self._train_button = ipywidgets.Button(description="Train", button_style="primary")
        self._stop_button = ipywidgets.Button(description="Stop", disabled=True)
        self._reset_button = ipywidgets.Button(description="Reset")
        self._bar = ipywidgets.IntProgress(max=steps, description="steps")
        self._message = ipywidgets.HTML()
        self._figure = ipywidgets.HTML()
        self._train_button.on_click(self._on_train)
        self._stop_button.on_click(self._on_stop)
        self._reset_button.on_click(self._on_reset)
        self._show(self._runs)
        buttons = [self._train_button, self._stop_button, self._reset_button]
        self.box = ipywidgets.VBox(
            [
                *self._controls.values(),
                ipywidgets.HBox([*buttons, self._bar]),
                self._message,
                self._figure,
            ]
        )

    def _on_train(self, _: object) -> None:
        global _training
        if _training is not None:
            if _training is not self:
                self._message.value = "<p>Another run is under way. Wait until it has ended.</p>"
            return
        if time.monotonic() - self._ended < _ECHO:
            return  # this click waited in the queue while the run that it was meant for trained
        self._stop = False
        # With the context, what the run prints belongs to this click and not to another cell.
        run_here = contextvars.copy_context().run
        arguments = (self._work, _values(self._controls))
        thread = threading.Thread(target=run_here, args=arguments, name="lrlib retrain")
        with Interrupts():
            _training = self
            thread.start()
        if "google.colab" in sys.modules:
            # Colab shows only what changes while a callback runs. Its Stop button is not heard
            # then, and interrupting the kernel does the same.
            self._wait()

    def _wait(self) -> None:
        while _training is self:
            try:
                time.sleep(0.02)  # after a Ctrl-C, Thread.join takes the thread for dead
            except KeyboardInterrupt:
                self._stop = True

    def _on_stop(self, _: object) -> None:
        self._stop = True

    def _on_reset(self, _: object) -> None:
        self._stop = True
        self._wait()
        self._runs = []
        for name, control in self._controls.items():
            control.value = self._first[name]
        self._message.value = ""
        self._show(self._runs)

    def _work(self, values: Values) -> None:
        """What the thread does."""
        global _training
        try:
            self._train_button.disabled = True
            self._stop_button.disabled = False
            self._message.value = ""
            self._train(values)
        except Exception as error:  # the reader's own function may raise anything
            self._message.value = _fault(error, "Change a value and press Train.")
            self._show(self._runs)
        finally:
            self._ended = time.monotonic()
            self._stop_button.disabled = True
            self._train_button.disabled = False
            _training = None

    def _train(self, values: Values) -> None:
        others = [run for run in self._runs if run.values != values][-_KEPT + 1 :]
        colour = next(c for c in _COLOURS if c not in {run.colour for run in others})
        seen: History | None = None
        drawn = -math.inf

        def on_step(history: History) -> None:
            nonlocal seen, drawn
            seen = history
            # The main thread is dead where the kernel shuts down.
            if self._stop or not threading.main_thread().is_alive():
                raise KeyboardInterrupt
            if time.monotonic() - drawn > _BETWEEN_DRAWINGS:
                self._show([*others, _Run(values, colour, history)])
                drawn = time.monotonic()

        try:
            history: History | None = self._run(**values, on_step=on_step)
        except KeyboardInterrupt:  # from on_step, where the run has a loop of its own
            history = seen
        if not isinstance(history, History):
            raise TypeError(
                f"the run must return a History, got {history!r}; end its function with "
                "`return train.fit(...)`"
            )
        self._runs = [*others, _Run(values, colour, history)]
        self._show(self._runs)

    def _show(self, runs: list[_Run]) -> None:
        self._bar.value = len(runs[-1].history.step) if runs else 0
        self._figure.value = comparison(runs, self._recorded, self._steps, self._alt)


def comparison(runs: Sequence[_Run], recorded: Mapping[str, History], steps: int, alt: str) -> str:
    """Draw the runs over the recorded ones and say below how each ended; in HTML."""
    series = {f"{name} (recorded)": history for name, history in recorded.items()}
    series |= zip(_names(runs), (run.history for run in runs), strict=True)
    if not series:
        return ""
    figure, axes = plots.panels(columns=2)
    colours = [*("grey" for _ in recorded), *(run.colour for run in runs)]
    longest = max(len(history.step) for history in series.values())
    for ax, y in zip(axes, ("loss", "val_accuracy"), strict=True):
        plots.curves(ax, series, y, colours)
        ax.set_xlim(0, max(longest, steps))  # a growing curve moves no axis
        for line in ax.lines[: len(recorded)]:
            line.set_linewidth(0.9)
    ends = (f"<li>{html.escape(f'{name}: {history}')}</li>" for name, history in series.items())
    return f"{plots.show(figure, alt).data}<ul>{''.join(ends)}</ul>"


def _names(runs: Sequence[_Run]) -> list[str]:
    """Name each run by the values in which the runs differ; a single run by all of them."""
    parameters = list(runs[0].values) if runs else []
    differing = [p for p in parameters if len({run.values[p] for run in runs}) > 1]
    return [
        ", ".join(f"{words(p)} {run.values[p]:.4g}" for p in differing or parameters)
        for run in runs
    ]
