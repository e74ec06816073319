"""Run texts of the schedule lab with the real packages: run_exports.py FRAMEWORK IN OUT PRECISION.

IN is a list of texts with their numbers of steps, as JSON; OUT gets a list of rates for each, or
null for a text that is all comments. check_exports.py compares them.
"""

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path


def repair_torchvision() -> None:
    """Let torchvision load beside a torch of another build: see benchmarks/usual.py."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(library)


KEPT: list = []  # a library is gone when nothing holds it


def run(text: str, **given: object) -> dict | None:
    """What the text defines; `None` where it says that it can't."""
    names = dict(given)
    code = compile(text, "export", "exec")
    exec(code, names)
    return names if set(names) - {*given, "__builtins__"} else None


def stepped(optimizer, step, steps: int) -> list[float]:
    """The rate before each step of the optimizer; `step` is called after it."""
    rates = []
    for done in range(1, steps + 1):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if done < steps:
            step(done)
    return rates


def model():
    import torch

    return torch.nn.Linear(1, 1)


def plain_torch(text: str, steps: int) -> list[float] | None:
    names = run(text, model=model())
    if names is None:
        return None
    return stepped(names["optimizer"], lambda _: names["scheduler"].step(), steps)


def huggingface(text: str, steps: int) -> list[float]:
    from transformers import TrainingArguments

    args = TrainingArguments(OUTPUT, use_cpu=True, report_to=[], max_steps=steps)
    names = run(text, model=model(), args=args, train_dataset=[])
    trainer = names["trainer"]
    return stepped(trainer.optimizer, lambda _: trainer.lr_scheduler.step(), steps)


def timm(text: str, steps: int) -> list[float]:
    names = run(text, model=model())
    return stepped(names["optimizer"], names["scheduler"].step_update, steps)


def optax(text: str, steps: int) -> list[float]:
    import jax

    jax.config.update("jax_enable_x64", PRECISION == "double")
    names = run(text)
    count = jax.numpy.arange(200)  # of one length, so that jax compiles an operation once
    rates = jax.numpy.broadcast_to(names["schedule"](count), (200,))
    return [float(rate) for rate in rates[:steps]]


def lightning(text: str, steps: int) -> list[float]:
    import lightning as package
    import torch

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    rates: list[float] = []

    class Module(package.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = model()

        def training_step(self, batch, _):
            rates.append(float(self.optimizers().param_groups[0]["lr"]))
            return 0 * self.layer(batch).mean()

    Module.configure_optimizers = run(text)["configure_optimizers"]
    loader = torch.utils.data.DataLoader(torch.zeros(20, 1), batch_size=1)
    silent = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = package.Trainer(
        max_steps=steps, max_epochs=-1, accelerator="cpu", enable_model_summary=False, **silent
    )
    trainer.fit(Module(), loader)
    return rates


def fastai(text: str, steps: int) -> list[float]:
    import fastai.callback.progress  # noqa: F401 (gives `no_bar` to a Learner)
    import torch
    from fastai.basics import Callback, DataLoaders, Learner

    rates: list[float] = []

    class Note(Callback):
        order = 1000

        def before_batch(self) -> None:
            rates.append(float(self.learn.opt.hypers[-1]["lr"]))

    epochs = 2 if steps % 2 == 0 else 1
    data = torch.utils.data.TensorDataset(*torch.zeros(2, steps // epochs, 1))
    batches = torch.utils.data.DataLoader(data, batch_size=1)
    learn = Learner(DataLoaders(batches, batches), model(), loss_func=torch.nn.MSELoss())
    learn.remove_cbs([each for each in learn.cbs if type(each).__name__ == "ProgressCallback"])
    learn.dls.valid = []
    with learn.no_bar(), learn.no_logging():
        learn.fit(epochs, cbs=[run(text)["rate"], Note()])
    return rates


def keras(text: str, steps: int) -> list[float]:
    import keras as package

    package.config.set_floatx("float64" if PRECISION == "double" else "float32")
    names = run(text)
    values = (names["rate"](package.ops.convert_to_tensor(step)) for step in range(steps))
    return [float(package.ops.convert_to_numpy(value)) for value in values]


RUNNERS = {
    **dict.fromkeys(("torch", "torch-classes", "lrlib"), plain_torch),
    "huggingface": huggingface,
    "timm": timm,
    "optax": optax,
    "lightning": lightning,
    "fastai": fastai,
    "keras": keras,
}

if __name__ == "__main__":
    framework, source, target, PRECISION = sys.argv[1:]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as OUTPUT:
        if framework in ("timm", "fastai", "huggingface", "lightning"):
            repair_torchvision()
        texts = json.loads(Path(source).read_text(encoding="utf-8"))
        found = [RUNNERS[framework](each["text"], each["steps"]) for each in texts]
    Path(target).write_text(json.dumps(found), encoding="utf-8")
