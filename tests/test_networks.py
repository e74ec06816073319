"""The networks of the study's other tasks do what their descriptions say."""

import math

import pytest
import torch

from lrlib.evidence import tasks
from lrlib.shallow import shallow_cnn
from lrlib.skip_gram import SkipGram, pairs
from lrlib.transformer import SmallTransformer


def test_a_transformer_sees_no_symbol_that_comes_later():
    torch.manual_seed(0)
    net = SmallTransformer(symbols=5, width=8, heads=2, context=6)
    x = torch.randint(5, (1, 6))
    changed = x.clone()
    changed[0, 4] = (x[0, 4] + 1) % 5
    before, after = net(x), net(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_a_transformer_knows_nothing_at_first():
    torch.manual_seed(0)
    logits = SmallTransformer(symbols=65)(torch.randint(65, (8, 64)))
    loss = tasks._next_symbol(logits, torch.randint(65, (8, 64)))
    assert loss.item() == pytest.approx(math.log(65), abs=0.1)


def test_a_width_that_heads_do_not_divide_is_named():
    with pytest.raises(ValueError, match="multiple of heads, got 10 and 4"):
        SmallTransformer(symbols=5, width=10)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_batch_of_words_moves_its_own_rows_alone(sparse):
    net = SkipGram(words=50, width=4, sparse=sparse)
    torch.nn.init.ones_(net.neighbour.weight)
    x = torch.tensor([[3, 7, 8, 9, 7, 7, 7]])
    net(x).sum().backward()
    grad = net.centre.weight.grad
    assert grad.is_sparse == sparse
    rows = (grad.to_dense() if sparse else grad).abs().sum(dim=1).nonzero().flatten()
    assert rows.tolist() == [3]


def test_pairs_are_neighbours_and_the_same_seed_gives_the_same():
    text = torch.arange(40)  # each word once: a neighbour is at most four numbers away
    x, y = next(pairs(text, 40, batch_size=64, seed=1))
    distance = (x[:, 0] - x[:, 1]).abs()
    assert 1 <= distance.min() <= distance.max() <= 4
    assert y.sum(dim=1).tolist() == [1.0] * 64
    again, _ = next(pairs(text, 40, batch_size=64, seed=1))
    assert torch.equal(x, again)


def test_frequent_words_are_drawn_more_often():
    text = torch.cat([torch.zeros(160, dtype=torch.int64), torch.arange(10)])
    x, _ = next(pairs(text, 10, batch_size=4000, seed=0))
    share = (x[:, 2:] == 0).float().mean()
    counts = torch.tensor([161.0] + [1.0] * 9) ** 0.75
    assert float(share) == pytest.approx(float(counts[0] / counts.sum()), abs=0.02)


def test_a_shallow_network_learns_colours(tiny_splits):
    torch.manual_seed(0)
    net = shallow_cnn()
    x = tiny_splits.train.x[:128].float() / 255
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(net(x), tiny_splits.train.y[:128])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
