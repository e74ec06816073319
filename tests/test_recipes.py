"""The code that pages offer for copying runs as it stands, and does what the text says."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
ADAMW = "AdamW(model.parameters(), lr=0.001, weight_decay=0.01)"


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_the_default_to_copy_warms_up_and_falls_to_zero_in_a_straight_line(optimizer):
    text = (BOOK / "choosing.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if optimizer == "AdamW":
        assert ADAMW in text
        code = code.replace("import SGD", "import AdamW")
        code = re.sub(r"SGD\(.*?\n\)", ADAMW, code, flags=re.DOTALL)
    torch.manual_seed(0)
    x = torch.randn(640, 5)
    y = (x + torch.randn(640, 5)).argmax(dim=1)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 5))
    names = {
        "model": model,
        "loader": DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True),
        "loss_fn": nn.functional.cross_entropy,
        "epochs": 5,
    }
    exec(code, names)
    assert type(names["optimizer"]).__name__ == optimizer
    rates = []
    for _ in range(100):
        rates.append(names["optimizer"].param_groups[0]["lr"])
        names["optimizer"].step()
        names["scheduler"].step()
    peak = names["peak"]
    assert peak == names["test"].suggest(run_steps=100, decaying=True)
    assert max(rates) == pytest.approx(peak)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[10:] == pytest.approx([peak * (1 - step / 90) for step in range(90)])


PAGE = (BOOK / "practice.md").read_text(encoding="utf-8")
RECIPES = sorted(path.name for path in (ROOT / "recipes").glob("*.py"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_stands_on_its_page_as_a_whole(name):
    """Parts of it may stand there, too; `make test-recipes` runs it."""
    whole = f"```{{literalinclude}} ../recipes/{name}\n:language: python\n```"
    assert PAGE.count(whole) == 1


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and line[0] != "#")


def test_the_recipes_have_the_versions_that_the_book_has():
    book, theirs = pins("constraints.txt"), pins("tests/exports/requirements.txt")
    shared = book.keys() & theirs.keys()
    assert {"torch", "timm", "schedulefree", "prodigyopt"} <= shared
    assert {name: theirs[name] for name in shared} == {name: book[name] for name in shared}
    named = set(re.findall(r"\{version\}`([^`]+)`", PAGE))
    assert named <= theirs.keys()
    assert {"transformers", "accelerate", "lightning", "timm", "fastai"} <= named
