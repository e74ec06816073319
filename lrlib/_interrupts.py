"""Ctrl-C at a better time."""

import signal
import threading
from types import FrameType


class Interrupts:
    """Ctrl-C waits inside this block while `held` is true, lest it leave something half done.

    Python raises `KeyboardInterrupt` wherever the main thread happens to be, also in the middle of
    what cleans up. In another thread there is nothing to wait for.
    """

    def __init__(self) -> None:
        self.held = True
        self._came = False
        self._handler = signal.getsignal(signal.SIGINT)
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._guards = in_main_thread and callable(self._handler)

    def __enter__(self) -> None:
        if self._guards:
            signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.held or not callable(self._handler):
            self._came = True
        else:
            self._handler(number, frame)

    def let_through(self) -> None:
        """Let Ctrl-C come at once from here on, also the one that waited."""
        self.held = False
        if self._came:
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        if self._guards:
            signal.signal(signal.SIGINT, self._handler)
        if self._came:
            raise KeyboardInterrupt
