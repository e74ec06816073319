"""Ctrl-C at every moment: a usable history, an untouched model, a widget that works again."""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time

import jupyter_client
import pytest
import torch
from interrupting import interrupt, moments
from torch.autograd import grad_mode
from torch.nn import functional
from torch.optim import optimizer as optim_base

from lrlib import data, finder, plots, train
from lrlib.step import train_step


@pytest.fixture(autouse=True)
def no_progress_bars(monkeypatch):
    monkeypatch.setenv("LRLIB_STATIC", "1")


@pytest.fixture
def small_splits(tiny_splits):
    part = data.Images(tiny_splits.train.x[:32], tiny_splits.train.y[:32])
    return data.Splits(part, part, part, "tiny", tiny_splits.classes)


def new_run():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    return net, torch.optim.SGD(net.parameters(), lr=1e-3)


def lengths(history):
    steps = {len(history.step), len(history.lr), len(history.loss)}
    epochs = {len(history.epoch_end), len(history.val_loss), len(history.val_accuracy)}
    assert len(steps) == len(epochs) == 1
    assert history.step == list(range(len(history.step)))
    return steps.pop(), epochs.pop()


def draw(history):
    figure, axes = plots.panels(columns=4)
    for ax, y in zip(axes, ("loss", "lr", "val_loss", "val_accuracy"), strict=True):
        plots.curves(ax, {"interrupted": history, "again": history}, y)
    assert "<svg" in plots.show(figure, "An interrupted run.").data


# Where it comes while Python itself clears a generator away, Python warns and goes on.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <generator object _default_to_fused")
@pytest.mark.slow
def test_fit_leaves_a_usable_history_at_every_moment(small_splits):
    usable = {}
    for moment in moments():
        net, optimizer = new_run()
        seen = []

        def run(net=net, optimizer=optimizer, seen=seen):
            return train.fit(
                net, optimizer, small_splits, epochs=2, batch_size=16, on_step=seen.append
            )

        came, history = interrupt(run, moment, contextlib, grad_mode, torch.random, optim_base)
        assert torch.is_grad_enabled()
        if not came:
            break
        if isinstance(history, KeyboardInterrupt):
            assert not seen, "there was a history, and the interrupt threw it away"
            continue
        usable[lengths(history)] = history
    assert set(usable) == {(0, 0), (1, 0), (2, 0), (2, 1), (3, 1), (4, 1), (4, 2)}
    assert usable[2, 0].stopped == "interrupted after 2 steps"
    for history in usable.values():
        draw(history)


def new_test():
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    batches = [(torch.randn(8, 3), torch.arange(8) % 2)]
    return net, torch.optim.Adam(net.parameters(), lr=0.1), batches


# As in the test above, of the generator of the batches.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <generator object _forever")
@pytest.mark.slow
def test_the_finder_leaves_no_trace_at_any_moment(unchanged):
    tried = lost = 0
    for moment in moments(stride=11):
        net, optimizer, batches = new_test()

        def test(net=net, optimizer=optimizer, batches=batches):
            cross_entropy = functional.cross_entropy
            return finder.range_test(net, optimizer, cross_entropy, batches, steps=2)

        with unchanged(net, optimizer):
            came, result = interrupt(test, moment, contextlib, grad_mode)
        assert torch.is_grad_enabled()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not came:
            break
        tried += 1
        lost += not isinstance(result, KeyboardInterrupt)
    assert tried > 100
    assert lost <= 1


def test_the_finder_can_be_interrupted_in_each_of_its_steps():
    """What waits while the model is saved and restored does not wait for the whole test."""
    net, optimizer, loader = new_test()
    calls = []

    def step(*arguments):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return train_step(*arguments)

    with pytest.raises(KeyboardInterrupt):
        finder.range_test(net, optimizer, functional.cross_entropy, loader, step_fn=step)
    assert len(calls) == 2


def test_the_finder_does_not_train_when_interrupted_before():
    class Loader(list):
        @property
        def __dict__(self):  # looked at while everything is saved
            signal.raise_signal(signal.SIGINT)
            return {}

    net, optimizer, loader = new_test()
    calls = []
    with pytest.raises(KeyboardInterrupt):
        finder.range_test(net, optimizer, None, Loader(loader), step_fn=lambda *_: calls.append(1))
    assert calls == []


def test_the_finder_works_in_a_thread_which_no_signal_reaches():
    results = []
    net, optimizer, loader = new_test()

    def work():
        results.append(finder.range_test(net, optimizer, functional.cross_entropy, loader, steps=3))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(results[0].losses) == 3


RUN_UNTIL_INTERRUPTED = """\
import json, sys, torch
from lrlib import data, train
x = torch.randint(0, 255, (256, 3, 32, 32), dtype=torch.uint8)
part = data.Images(x, torch.arange(256) % 10)
splits = data.Splits(part, part, part, "tiny", tuple("abcdefghij"))
for _ in range(8):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)

    def on_step(history):
        if len(history.step) == 1:
            print("started", flush=True)

    history = train.fit(net, optimizer, splits, epochs=100_000, batch_size=16, on_step=on_step)
    columns = (history.step, history.lr, history.loss), (history.epoch_end, history.val_loss)
    lengths = [[len(column) for column in columns[i]] for i in (0, 1)]
    print(json.dumps([*lengths, history.stopped]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_in_a_process_ends_fit_with_a_history():
    chance = random.Random(0)
    command = [sys.executable, "-c", RUN_UNTIL_INTERRUPTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(8):
                assert process.stdout.readline() == "started\n"
                time.sleep(chance.uniform(0, 0.05))
                process.send_signal(signal.SIGINT)
                steps, epochs, stopped = json.loads(process.stdout.readline())
                assert len(set(steps)) == len(set(epochs)) == 1
                plural = "" if steps[0] == 1 else "s"
                assert stopped == f"interrupted after {steps[0]:,} step{plural}"
        finally:
            process.kill()


TRAIN_UNTIL_STOPPED = """\
import threading, time
from lrlib import explore
from lrlib.train import History
asked, started = [], threading.Event()
def run(every, on_step):
    asked.append(every)
    history = History("tiny", 100, 0)
    while True:
        history.step.append(len(history.step))
        history.lr.append(0.1)
        history.loss.append(1.0)
        on_step(history)
        started.set()
        time.sleep(0.001)
form = explore.retrain(run, "Runs.", steps=9, every=(1, 9, 3))
train, stop, reset = form.children[1].children[:3]
print(train.model_id, stop.model_id)
"""
WAIT_FOR_THE_END = """\
while train.disabled: time.sleep(0.01)
print(len(asked), form.children[3].value)
"""


@pytest.mark.slow
def test_in_a_kernel_two_clicks_train_once_ctrl_c_spares_it_and_stop_stops_it(monkeypatch):
    monkeypatch.delenv("LRLIB_STATIC")
    asyncio.run(press_in_a_kernel())


async def press_in_a_kernel():
    manager, client = await jupyter_client.manager.start_new_async_kernel(kernel_name="python3")

    async def execute(code):
        printed = []

        def hook(message):
            printed.append(message["content"].get("text", ""))

        reply = await client.execute_interactive(code, timeout=120, output_hook=hook)
        return reply["content"]["status"], "".join(printed)

    def click(button):
        content = {"comm_id": button, "data": {"method": "custom", "content": {"event": "click"}}}
        client.shell_channel.send(client.session.msg("comm_msg", content))

    try:
        status, printed = await execute(TRAIN_UNTIL_STOPPED)
        assert status == "ok", printed
        train, stop = printed.split()
        for expected in (1, 2):
            click(train)
            click(train)
            assert (await execute("started.wait(60); started.clear()"))[0] == "ok"
            cell = asyncio.create_task(execute("time.sleep(60)"))
            await asyncio.sleep(0.5)
            await manager.interrupt_kernel()
            assert (await cell)[0] == "error"  # the cell is interrupted
            assert await execute("print(train.disabled)") == ("ok", "True\n")  # the training is not
            click(stop)
            status, printed = await execute(WAIT_FOR_THE_END)
            assert (status, printed.split()[0]) == ("ok", str(expected))
            assert "<svg" in printed
            await asyncio.sleep(0.4)  # a reader's next press does not come at once
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        manager.context.destroy()
