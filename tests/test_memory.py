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

if {keep}:
    _memory.keep_freed_memory()
torch.set_num_threads(1)
net = model.small_cnn().cpu()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
batch = torch.zeros(128, 3, 32, 32), torch.arange(128) % 10

def train_ten_steps():
    for _ in range(10):
        train.train_step(net, optimizer, functional.cross_entropy, batch)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

before = train_ten_steps()
print(train_ten_steps() - before)
"""


def faults(keep):
    program = COUNT_FAULTS.format(keep=keep)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands blocks back")
def test_training_asks_the_system_for_memory_once():
    without = faults(keep=False)
    assert without > 1000, "there is nothing to save here, so that the next line shows nothing"
    assert faults(keep=True) < without / 10
