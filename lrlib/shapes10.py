"""Shapes-10, the stand-in that lrlib draws itself if CIFAR-10 isn't available.

Shapes-10 has the form of CIFAR-10: ten classes of 32x32 colour images, 50,000 to learn from and
10,000 to test on. A result on it shows that the code runs and what a learning rate does on images
like these. It says nothing about CIFAR-10, and nothing about photographs.

An image is painted in layers: a dark ground whose colour changes from one side to the other, a dark
stroke, the bright shape of the class, another dark stroke across it, and noise on every pixel.
The shape is turned by any angle, moved, scaled and stretched. Every colour is drawn without regard
to the class: the form alone tells the classes apart. One shape in four is faint, and the faintest
cannot be seen at all, so no network classifies every image. No label is wrong.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

_SIDE = 32
_AXIS = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
# How many images are painted at a time: few enough for the processor's cache.
_CHUNK = 100

# A form maps coordinates u and v to the distance from its outline, negative inside. It is about as
# large as the circle of radius 1, and some line through its centre mirrors it onto itself, so a
# mirrored image keeps its class. The union of two forms is the minimum of their distances, what
# they share is the maximum.
_Array = NDArray[np.floating[Any]]
_Form = Callable[[_Array, _Array], _Array]


def _length(u: _Array, v: _Array) -> _Array:
    return np.sqrt(u * u + v * v)


def _disc(u: _Array, v: _Array) -> _Array:
    return _length(u, v) - 0.85


def _ring(u: _Array, v: _Array) -> _Array:
    return np.abs(_length(u, v) - 0.7) - 0.25


def _crescent(u: _Array, v: _Array) -> _Array:
    return np.maximum(_length(u, v) - 0.95, 0.8 - _length(u - 0.45, v))


def _heart(u: _Array, v: _Array) -> _Array:
    # A square that stands on a corner, and a disc on the middle of each of its two upper sides.
    u, v = np.abs(u), v + 0.2
    square = (u + np.abs(v) - 0.8) * math.sqrt(0.5)
    disc = _length(u - 0.4, v - 0.4) - 0.8 * math.sqrt(0.5)
    return np.minimum(square, disc)


def _triangle(u: _Array, v: _Array) -> _Array:
    return np.maximum(-v, np.abs(u) * math.sqrt(0.75) + v * 0.5) - 0.5


def _square(u: _Array, v: _Array) -> _Array:
    return np.maximum(np.abs(u), np.abs(v)) - 0.7


def _star(u: _Array, v: _Array) -> _Array:
    # Five lines cross each other. The star is where a point lies beyond one of them at most.
    farthest = second = np.full_like(u, -math.inf)
    for line in range(5):
        angle = 2 * math.pi * line / 5
        distance = u * math.sin(angle) - v * math.cos(angle)
        second = np.maximum(second, np.minimum(farthest, distance))
        farthest = np.maximum(farthest, distance)
    return second - 0.35


def _cross(u: _Array, v: _Array) -> _Array:
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v) - 0.9, np.minimum(u, v) - 0.28)


def _bars(u: _Array, v: _Array) -> _Array:
    # Three bars side by side.
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.minimum(u, np.abs(u - 0.6)) - 0.17, v - 0.75)


def _chequers(u: _Array, v: _Array) -> _Array:
    # The squares of one colour on a board of three by three: the middle and the four corners.
    u, v = np.abs(u), np.abs(v)
    middle = np.maximum(u, v) - 0.25
    corner = np.maximum(np.abs(u - 0.5), np.abs(v - 0.5)) - 0.25
    return np.minimum(middle, corner)


_FORMS: dict[str, _Form] = {
    "disc": _disc,
    "ring": _ring,
    "crescent": _crescent,
    "heart": _heart,
    "triangle": _triangle,
    "square": _square,
    "star": _star,
    "cross": _cross,
    "bars": _bars,
    "chequers": _chequers,
}
CLASSES: tuple[str, ...] = tuple(_FORMS)


def draw(count: int, seed: int) -> tuple[Tensor, Tensor]:
    r"""Draw images of Shapes-10 in random order, as many of each class, give or take one.

    With the signed distance :math:`d` from the outline of the shape in pixels, its opacity
    :math:`\alpha`, its colour :math:`c` and the layers below it :math:`b`, each pixel becomes

    .. math:: b + \alpha \min(\max(\tfrac{1}{2} - d,\, 0),\, 1) \, (c - b)

    Strokes are painted by the same rule. The same count and seed give the same images on every
    machine and with any number of threads: a pixel takes nothing but sums, products, quotients and
    square roots, which every processor rounds alike.

    Args:
        count: How many images, at least 1.
        seed: Where the random numbers start, an integer of at least 0. Another seed or another
            count gives other images.

    Returns:
        The images, uint8 in 0 to 255, shape (count, 3, 32, 32), and their labels, int64 in 0 to 9,
        shape (count,). Label 3 is `CLASSES[3]`.

    Raises:
        ValueError: `count` is not a positive integer, or `seed` is no integer of at least 0.

    Example:
        >>> images, labels = draw(count=20, seed=0)
        >>> images.shape, images.dtype
        (torch.Size([20, 3, 32, 32]), torch.uint8)
        >>> labels.bincount()
        tensor([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
        >>> CLASSES[labels[0]]
        'triangle'
    """
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be a positive integer, got {count!r}; CIFAR-10 has 60,000")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed must be a whole number, at least 0, got {seed!r}; take 0")
    random = np.random.default_rng(seed)
    labels = random.permutation(count) % len(CLASSES)
    images = np.empty((count, 3, _SIDE, _SIDE), dtype=np.uint8)
    jobs: list[tuple[_Form, NDArray[np.intp]]] = []
    for label, form in enumerate(_FORMS.values()):
        places = np.flatnonzero(labels == label)
        jobs += [(form, places[start : start + _CHUNK]) for start in range(0, len(places), _CHUNK)]

    def paint(job: tuple[_Form, NDArray[np.intp]], stream: Generator) -> None:
        form, places = job
        images[places] = _paint_images(form, len(places), stream)

    with ThreadPoolExecutor() as pool:
        # Each job has its own random numbers, so the order in which threads take them is free.
        # The list waits for all, and raises what a thread raised.
        list(pool.map(paint, jobs, random.spawn(len(jobs))))
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def _uniform(random: Generator, count: int, low: float, high: float, channels: int = 1) -> _Array:
    """Draw numbers for `count` images, one a channel, that stretch over all pixels."""
    return low + (high - low) * random.random((count, channels, 1, 1), dtype=np.float32)


def _paint_images(form: _Form, count: int, random: Generator) -> NDArray[np.uint8]:
    uniform = partial(_uniform, random, count)

    def dark() -> _Array:
        return uniform(0, 0.3, channels=3)

    def stroke() -> _Array:
        u, v = _coordinates(uniform, reach=16)
        return np.maximum(np.abs(u) - uniform(3, 10), np.abs(v) - uniform(0.7, 2))

    one_side, other_side = dark(), dark()
    across, _ = _coordinates(uniform, reach=8)
    images = one_side + (other_side - one_side) * np.clip(across / _SIDE + 0.5, 0, 1)
    _paint(images, stroke(), dark())

    radius = uniform(6, 12)
    u, v = _coordinates(uniform, reach=4)
    distance = form(u / (radius * uniform(0.7, 1.3)), v / radius) * radius
    opacity = np.where(uniform(0, 1) < 0.25, uniform(0, 0.2), 1)
    _paint(images, distance, uniform(0.4, 1, channels=3), opacity)
    _paint(images, stroke(), dark())

    contrast, brightness = uniform(128, 255), uniform(118, 138)
    noise = random.integers(0, 256, images.shape, dtype=np.uint8)
    images -= 0.3
    images *= contrast
    images += brightness
    images += (noise - np.float32(127.5)) * uniform(0, 0.2)
    return np.clip(images, 0, 255, out=images).astype(np.uint8)


def _coordinates(uniform: Callable[..., _Array], reach: float) -> tuple[_Array, _Array]:
    """Turn the pixel grid of each image by any angle about a point within `reach` of the middle."""
    # In double precision, what a processor rounds in its own way is gone after `astype`.
    angle = uniform(0, 2 * math.pi).astype(np.float64)
    cosine, sine = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    x = _AXIS - uniform(-reach, reach)
    y = _AXIS[:, None] - uniform(-reach, reach)
    return x * cosine + y * sine, y * cosine - x * sine


def _paint(images: _Array, distance: _Array, colour: _Array, opacity: _Array | float = 1) -> None:
    cover = np.clip(0.5 - distance, 0, 1)
    cover *= opacity
    images *= 1 - cover
    images += cover * colour
