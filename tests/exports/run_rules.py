"""Give losses to the finders of other libraries: run_rules.py LIBRARY IN OUT.

IN is a list of tests, each a list of the losses of its steps, as JSON. OUT gets for each the rates
that the library tried, and what its rules suggest, or null where one has no answer. check_rules.py
compares them.
"""

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from run_exports import repair_torchvision
from torch.utils.data import DataLoader, TensorDataset

START, END = 1e-5, 10.0


class Replay(torch.nn.Module):
    """A model whose loss is what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return 0 * self.weight + x


def batches(losses: list[float]) -> DataLoader:
    values = torch.tensor(losses, dtype=torch.float32)[:, None]
    return DataLoader(TensorDataset(values, values), batch_size=1)


def fastai(losses: list[float]) -> tuple[list[float], dict]:
    import fastai.callback.progress  # noqa: F401 (gives `no_bar` to a Learner)
    from fastai.basics import DataLoaders, Learner
    from fastai.callback.schedule import minimum, slide, steep, valley

    loader = batches(losses)
    learn = Learner(
        DataLoaders(loader, loader), Replay(), loss_func=lambda found, _: found.mean(), path="."
    )
    learn.remove_cbs([each for each in learn.cbs if type(each).__name__ == "ProgressCallback"])
    answers: dict = {}
    with learn.no_bar():
        learn.lr_find(START, END, num_it=len(losses), show_plot=False, suggest_funcs=None)
        kept = learn.recorder.lrs, learn.recorder.losses
        learn.fit = lambda *_, **__: None  # the same test again, for a rule at a time
        for rule in (valley, slide, minimum, steep):
            learn.recorder.lrs, learn.recorder.losses = kept
            try:
                found = learn.lr_find(
                    START, END, num_it=len(losses), show_plot=False, suggest_funcs=(rule,)
                )
                answers[f"fastai-{rule.__name__}"] = found[0]
            except (IndexError, ValueError, RuntimeError):  # its cuts left too few points
                answers[f"fastai-{rule.__name__}"] = None
    return [float(rate) for rate in kept[0]], answers


def lightning(losses: list[float]) -> tuple[list[float], dict]:
    import lightning as package
    from lightning.pytorch.tuner import Tuner

    class Module(package.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.lr = Replay(), 0.1

        def training_step(self, batch, _):
            return self.model(batch[0]).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.lr)

    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = package.Trainer(max_epochs=1, accelerator="cpu", **silent)
    found = Tuner(trainer).lr_find(
        Module(),
        batches(losses),
        min_lr=START,
        max_lr=END,
        num_training=len(losses),
        update_attr=False,
    )
    return found.results["lr"], {"lightning": found.suggestion()}


def torch_lr_finder(losses: list[float]) -> tuple[list[float], dict]:
    from matplotlib.figure import Figure
    from torch_lr_finder import LRFinder

    model = Replay()
    optimizer = torch.optim.SGD(model.parameters(), lr=START)
    finder = LRFinder(model, optimizer, lambda found, _: found.mean(), device="cpu")
    finder.range_test(batches(losses), end_lr=END, num_iter=len(losses))
    try:
        _, answer = finder.plot(suggest_lr=True, ax=Figure().subplots())
    except RuntimeError:  # too few points
        answer = None
    return finder.history["lr"], {"torch-lr-finder": answer}


LIBRARIES = {"fastai": fastai, "lightning": lightning, "torch-lr-finder": torch_lr_finder}


def answered(library: str, tests: list[list[float]]) -> Iterator[dict]:
    for losses in tests:
        lrs, answers = LIBRARIES[library](losses)
        yield {"lrs": lrs, "answers": answers}


if __name__ == "__main__":
    library, source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.pytorch.tuner.lr_finder"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    repair_torchvision()
    tests = json.loads(Path(source).read_text(encoding="utf-8"))
    Path(target).write_text(json.dumps([*answered(library, tests)]), encoding="utf-8")
