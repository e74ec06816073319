"""The form of `lrlib.explore.retrain` where a kernel runs: it trains while the reader watches."""

import contextvars
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping

from lrlib._drawing import embedded
from lrlib._extras import extra
from lrlib._interrupts import Interrupts
from lrlib._kept import Kept
from lrlib.explore._live import control, fault, values_of
from lrlib.explore._ranges import Range, Values, first_value
from lrlib.explore._runs import Run, comparison
from lrlib.history import History

with extra("widgets", "training with values of your own"):
    import ipywidgets

_KEPT = 4
_COLOURS = ("blue", "orange", "green", "purple")
_BETWEEN_DRAWINGS = 0.5  # seconds in which the training goes on undisturbed
_ECHO = 0.3  # seconds; no reader sees a run end, decides and presses again within them

_training: "Retraining | None" = None  # the one that trains now; there is one in a kernel


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
        self._controls = {name: control(name, limits) for name, limits in ranges.items()}
        self._first = {name: first_value(limits) for name, limits in ranges.items()}
        self._runs: list[Run] = []
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
        self.box = Kept(
            [
                *self._controls.values(),
                ipywidgets.HBox([*buttons, self._bar]),
                self._message,
                self._figure,
            ],
            self._figure.value,
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
        arguments = (self._work, values_of(self._controls))
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
        for name, slider in self._controls.items():
            slider.value = self._first[name]
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
            self._message.value = fault(error, "Change a value and press Train.")
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
                self._show([*others, Run(values, colour, history)])
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
        self._runs = [*others, Run(values, colour, history)]
        self._show(self._runs)

    def _show(self, runs: list[Run]) -> None:
        self._bar.value = len(runs[-1].history.step) if runs else 0
        self._figure.value = comparison(runs, self._recorded, self._steps, self._alt, embedded)
