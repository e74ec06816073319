"""What recording sets in its own processes must not outlive a test that sets it in this one."""

import pytest
import torch


@pytest.fixture(autouse=True)
def undo_what_a_worker_sets(monkeypatch):
    # To set them here means that monkeypatch puts them back, whoever changes them meanwhile.
    monkeypatch.setenv("LRLIB_STATIC", "")
    monkeypatch.setenv("LRLIB_DATASET", "auto")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
