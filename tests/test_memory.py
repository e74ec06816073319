"""Freed memory stays in the process: the system is not asked for it again at every step."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource
import torch
from torch.nn import functional
from lrlib import _memory, model, train

torch.set_num_threads(1)
net = model.small_cnn().cpu()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
batch = torch.zeros(128, 3, 32, 32), torch.arange(128) % 10

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        train.train_step(net, optimizer, functional.cross_entropy, batch)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(5)
without = faults(5)
_memory.keep_freed_memory()
faults(5)
print(without, faults(5))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands blocks back")
def test_training_asks_the_system_for_memory_once():
    command = [sys.executable, "-c", COUNT_FAULTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    without, kept = map(int, done.stdout.split())
    assert without > 500, "there is nothing to save here, so that the next line shows nothing"
    assert kept < without / 10
