"""Data: what is loaded, how it is split, how batches are drawn, and what is refused."""

import functools
import hashlib
import pickle
import shutil
import subprocess
import sys

import platformdirs
import pytest
import torch

from lrlib import data, fetch, shapes10
from lrlib.images import MEAN, normalise


@pytest.fixture
def pictures():
    """300 images that can be told apart: image i has the values i and 255 - i in its first row."""
    x = torch.randint(0, 256, (300, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    return data.Images(x.to(torch.uint8), torch.arange(300) % 10)


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Nothing is in the cache, and any fetch fails at once, as on a machine without a network."""

    def refuse(folder, patient):
        raise RuntimeError(f"CIFAR-10 could not be fetched into {folder}: no network in this test.")

    monkeypatch.setattr(fetch, "_fetch", refuse)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache")


@pytest.fixture
def small_stand_in(monkeypatch):
    """Shapes-10 with a fifth of its images, so that a test of the fallback is quick."""
    monkeypatch.setattr(shapes10, "draw", lambda count, seed: drawn_once(count // 5, seed))


drawn_once = functools.cache(shapes10.draw)
loaded_once = functools.cache(data.load)


@pytest.fixture
def cifar10(real_data):
    """All of CIFAR-10, which no test changes."""
    return loaded_once()


def fingerprints(images):
    return {hashlib.sha256(image.numpy().tobytes()).digest() for image in images.x}


# The real data


def test_cifar10_has_its_shapes_and_sizes(cifar10):
    assert cifar10.name == "CIFAR-10"
    assert cifar10.classes[0] == "airplane"
    assert cifar10.classes[9] == "truck"
    for part, count in ((cifar10.train, 45_000), (cifar10.val, 5_000), (cifar10.test, 10_000)):
        assert part.x.shape == (count, 3, 32, 32)
        assert part.x.dtype == torch.uint8
        assert part.y.shape == (count,)
        assert part.y.dtype == torch.int64
        assert part.y.bincount().tolist() == [count // 10] * 10


def test_the_channels_come_last_in_memory(real_data):
    splits = data.load(n_train=1000)
    for part in (splits.train, splits.val, splits.test):
        assert part.x.is_contiguous(memory_format=torch.channels_last)
        assert part.x.shape[1:] == (3, 32, 32)


def test_a_copy_that_is_here_is_loaded_without_a_word(real_data, capsys):
    data.load()
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count otherwise")
def test_loading_takes_less_than_a_gigabyte(real_data):
    # Not getrusage: a process inherits the peak of the one that started it.
    program = (
        "from pathlib import Path; from lrlib import data; data.load();"
        "lines = Path('/proc/self/status').read_text().splitlines();"
        "print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) * 1024 < 10**9


def test_no_image_is_in_two_splits(cifar10):
    train, val, test = map(fingerprints, (cifar10.train, cifar10.val, cifar10.test))
    assert not train & val
    assert not train & test
    assert not val & test


def test_a_subset_is_fixed_balanced_and_part_of_the_whole(cifar10):
    subset, again, whole = data.load(n_train=1000), data.load(n_train=1000), cifar10
    assert torch.equal(subset.train.x, again.train.x)
    assert subset.train.y.bincount().tolist() == [100] * 10
    assert torch.equal(subset.train.x, whole.train.x[:1000])
    assert torch.equal(subset.val.x, whole.val.x)


def test_an_image_is_the_one_in_the_file(real_data, cifar10):
    content = (real_data / "cifar-10-batches-py" / "test_batch").read_bytes()
    batch = pickle.loads(content, encoding="latin1")
    test = cifar10.test
    red, _, blue = batch["data"][7].reshape(3, 32, 32)
    assert test.x[7, 0].tolist() == red.tolist()
    assert test.x[7, 2].tolist() == blue.tolist()
    assert test.y[7].item() == batch["labels"][7]


def test_a_damaged_file_is_never_unpickled(real_data, tmp_path, monkeypatch):
    shutil.copytree(real_data / "cifar-10-batches-py", tmp_path / "cifar-10-batches-py")
    damaged = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    damaged.chmod(0o644)
    damaged.write_bytes(pickle.dumps("harmless, but not what was published"))
    monkeypatch.setenv("LRLIB_DATA", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"data_batch_3 is damaged.*expected 54ebc095"):
        data.load()


def test_a_file_that_is_not_there_is_named(real_data, tmp_path, monkeypatch):
    """As after an extraction by hand that was interrupted."""
    shutil.copytree(real_data / "cifar-10-batches-py", tmp_path / "cifar-10-batches-py")
    (tmp_path / "cifar-10-batches-py").chmod(0o755)
    (tmp_path / "cifar-10-batches-py" / "test_batch").unlink()
    monkeypatch.setenv("LRLIB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"test_batch cannot be read: No such.*Delete its folder"):
        data.load()


def test_the_sums_are_torchvisions(torchvision):
    cifar10 = torchvision.datasets.CIFAR10
    published = dict(map(tuple, cifar10.train_list + cifar10.test_list))
    published[cifar10.meta["filename"]] = cifar10.meta["md5"]
    assert published == fetch._MD5
    assert cifar10.tgz_md5 == fetch._ARCHIVE_MD5
    assert cifar10.base_folder == fetch._NAME


# Which data set


def test_auto_falls_back_to_the_stand_in_and_says_so(
    no_network, small_stand_in, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("LRLIB_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("LRLIB_DATASET", "auto")
    splits = data.load(n_train=100)
    assert splits.name == "Shapes-10"
    said = capsys.readouterr().out
    assert "no network in this test" in said
    assert str(tmp_path / "empty") in said
    assert "To bring a copy by hand" in said
    assert "\nShapes-10, the stand-in for CIFAR-10, is in use" in said


def test_the_stand_in_is_refused_on_demand(no_network, tmp_path, monkeypatch):
    monkeypatch.setenv("LRLIB_DATA", str(tmp_path))
    monkeypatch.setenv("LRLIB_DATASET", "cifar10")
    with pytest.raises(RuntimeError, match=r"could not be fetched.*no network.*set LRLIB_DATA"):
        data.load()


def test_the_stand_in_can_be_chosen(small_stand_in, monkeypatch, capsys):
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    splits = data.load()
    rule, banner, end = capsys.readouterr().out.splitlines()
    assert banner.startswith("Shapes-10, the stand-in")
    assert rule == end == "=" * len(banner)
    assert splits.train.x.is_contiguous(memory_format=torch.channels_last)
    assert splits.name == "Shapes-10"
    assert len(splits.classes) == 10
    assert splits.val.y.bincount().tolist() == [500] * 10
    assert not fingerprints(splits.train) & fingerprints(splits.val)


def test_an_unknown_data_set_is_named(monkeypatch):
    monkeypatch.setenv("LRLIB_DATASET", "mnist")
    with pytest.raises(ValueError, match=r"must be auto, cifar10 or shapes10.*'mnist'"):
        data.load()


def test_a_file_is_no_data_folder(tmp_path, monkeypatch):
    file = tmp_path / "cifar"
    file.write_text("not a folder")
    monkeypatch.setenv("LRLIB_DATA", str(file))
    monkeypatch.setenv("LRLIB_DATASET", "auto")
    with pytest.raises(ValueError, match=r"LRLIB_DATA must name a folder that can be read.*cifar"):
        data.load()


@pytest.mark.parametrize("count", [0, 9, 45_001, -5])
def test_a_wrong_number_of_images_is_named(count, small_stand_in, monkeypatch):
    monkeypatch.setenv("LRLIB_DATASET", "shapes10")
    with pytest.raises(ValueError, match=f"n_train must be from 10 to .*got {count}"):
        data.load(n_train=count)


# Batches


def test_batches_cover_each_image_once_a_pass(pictures):
    batches = data.Batches(pictures, batch_size=100)
    labels = [y for _, y in batches]
    assert len(batches) == len(labels) == 3
    assert torch.cat(labels).bincount().tolist() == [30] * 10
    x, y = next(iter(batches))
    assert x.dtype == torch.float32
    assert x.shape == (100, 3, 32, 32)
    assert y.dtype == torch.int64


def test_images_that_fill_no_batch_are_left_out(pictures):
    assert [len(y) for _, y in data.Batches(pictures, batch_size=128)] == [128, 128]


def test_the_same_seed_gives_the_same_batches(pictures):
    first, again, other = (
        list(data.Batches(pictures, 50, augment=True, seed=seed)) for seed in (3, 3, 4)
    )
    for (x, y), (x_again, y_again) in zip(first, again, strict=True):
        assert torch.equal(x, x_again)
        assert torch.equal(y, y_again)
    assert not torch.equal(first[0][0], other[0][0])


def test_each_pass_has_a_new_order(pictures):
    batches = data.Batches(pictures, batch_size=300)
    (_, first), (_, second) = next(iter(batches)), next(iter(batches))
    assert not torch.equal(first, second)


def test_augmentation_shifts_by_up_to_four_pixels_and_mirrors_half():
    """Each image has one bright pixel in the middle left; where it goes shows what was done."""
    x = torch.zeros(2000, 3, 32, 32, dtype=torch.uint8)
    x[:, :, 16, 10] = 255
    images = data.Images(x, torch.zeros(2000, dtype=torch.int64))
    batches = data.Batches(images, batch_size=2000, augment=True)
    shifted, _ = next(iter(batches))
    bright = shifted[:, 0] == shifted[:, 0].max()
    rows, columns = torch.nonzero(bright, as_tuple=True)[1:]
    assert len(rows) == 2000
    assert set(rows.tolist()) == set(range(12, 21))
    straight, mirrored = set(range(6, 15)), set(range(17, 26))
    assert set(columns.tolist()) == straight | mirrored
    share = sum(column in mirrored for column in columns.tolist()) / 2000
    assert 0.45 < share < 0.55


def test_images_stay_as_they_are_unless_they_are_to_be_augmented(pictures):
    plain, labels = next(iter(data.Batches(pictures, batch_size=300)))
    assert labels.tolist() != pictures.y.tolist()  # in an order of their own
    seen, given = ({image.numpy().tobytes() for image in x} for x in (plain, normalise(pictures.x)))
    assert seen == given


def test_pixels_become_inputs_of_zero_mean_and_unit_variance():
    mean = torch.tensor(MEAN).round().to(torch.uint8)
    x = mean[None, :, None, None].expand(2, 3, 32, 32)
    assert normalise(x).abs().max() < 0.01
    step = normalise(x + 63)[0, 0, 0, 0] - normalise(x)[0, 0, 0, 0]
    assert step.item() == pytest.approx(1.0)


@pytest.mark.parametrize("batch_size", [0, -1, 301])
def test_a_batch_size_that_does_not_fit_is_named(pictures, batch_size):
    with pytest.raises(ValueError, match=f"from 1 to the 300 images.*got {batch_size}"):
        data.Batches(pictures, batch_size)
