"""Ctrl-C at every moment of a call.

Python notices a signal when it enters a function and when a call returns. A profile function is
called at exactly these points, so that a test can send SIGINT at each of them in turn.
"""

import gc
import itertools
import signal
import sys


def interrupt(call, moment, *modules):
    """Call, with SIGINT at the given moment that Python spends in lrlib's or the modules' own code.

    Returns whether that moment came, and the result or the KeyboardInterrupt. Who keeps that keeps
    its frames alive, as IPython does: nothing is put right by their end. What earlier calls left to
    the garbage collector stays there meanwhile: an interrupt while that is cleared away would reach
    nobody, and is none of this call's.
    """
    ours = (module for name, module in sys.modules.items() if name.startswith("lrlib."))
    files = {module.__file__ for module in (*ours, *modules)}
    passed = 0

    def profile(frame, event, _):
        nonlocal passed
        if event in ("call", "c_return") and frame.f_code.co_filename in files:
            passed += 1
            if passed == moment:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

    gc.disable()
    sys.setprofile(profile)
    try:
        result = call()
    except KeyboardInterrupt as interrupt:
        result = interrupt
    finally:
        sys.setprofile(None)
        gc.enable()
    return passed >= moment, result


def moments(stride=1):
    """1, 2, 3, ...: a test takes moments until one does not come any more.

    Where there are thousands, a stride takes a part of them: a larger number passes over no state
    that lasts for several moments.
    """
    return itertools.count(1, stride)
