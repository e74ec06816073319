"""Shapes-10, the stand-in that lrlib draws itself where CIFAR-10 cannot be had.

It has the form of CIFAR-10: ten classes of 32x32 colour images, 50,000 to learn from and 10,000 to
test on. A result on Shapes-10 shows that the code runs and how a learning rate acts on it. It says
nothing about CIFAR-10, and nothing about photographs.

An image is painted in layers: a dark ground with a colour gradient, a dark stroke, the bright shape
of the class, a dark stroke across it, and noise on every pixel. Shapes are turned by any angle,
moved, scaled and stretched. All colours are drawn without regard to the class, so that only the
form tells the classes apart. One shape in four is faint, some of these beyond recognition: no
network gets them all right, and their gradients keep pulling on one that has learned the rest.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

_SIDE = 32
# Images painted at a time: few enough that a layer of them stays in the processor's cache.
_CHUNK = 250
_FAINT_SHARE = 0.25
_FAINTEST = 0.0
_FAINT = 0.25
_NOISE = 15.0
_RADIUS = (8.0, 13.0)
_SHIFT = 3.0
_STRETCH = 0.15
_CONTRAST = (0.5, 1.0)

# A form is a function of the coordinates u and v: the distance to the outline, negative inside.
# The outline fits into the circle of radius 1. Where a form is a union, an intersection or a
# ring of others, so is its distance: the minimum, the maximum, or the absolute value.
_Form = Callable[[Tensor, Tensor], Tensor]


def _length(u: Tensor, v: Tensor) -> Tensor:
    return (u * u + v * v).sqrt()


def _disc(u: Tensor, v: Tensor) -> Tensor:
    return _length(u, v) - 0.85


def _ring(u: Tensor, v: Tensor) -> Tensor:
    return (_length(u, v) - 0.7).abs() - 0.25


def _crescent(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(_length(u, v) - 0.95, 0.8 - _length(u - 0.45, v))


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """A square on its corner, and a disc on the middle of each of its two upper sides."""
    u, v = u.abs(), v + 0.2
    square = (u + v.abs() - 0.8) * math.sqrt(0.5)
    disc = _length(u - 0.4, v - 0.4) - 0.8 * math.sqrt(0.5)
    return torch.minimum(square, disc)


def _triangle(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(-v, math.sqrt(0.75) * u.abs() + 0.5 * v) - 0.5


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) - 0.7


def _star(u: Tensor, v: Tensor) -> Tensor:
    """Five straight lines; a point is inside where it is beyond at most one of them."""
    farthest = second = torch.full_like(u, -math.inf)
    for corner in range(5):
        angle = 2 * math.pi * corner / 5
        distance = math.sin(angle) * u - math.cos(angle) * v
        second = torch.maximum(second, torch.minimum(farthest, distance))
        farthest = torch.maximum(farthest, distance)
    return second - 0.35


def _cross(u: Tensor, v: Tensor) -> Tensor:
    u, v = u.abs(), v.abs()
    return torch.maximum(torch.maximum(u, v) - 0.9, torch.minimum(u, v) - 0.28)


def _bars(u: Tensor, v: Tensor) -> Tensor:
    """Three bars side by side."""
    u, v = u.abs(), v.abs()
    return torch.maximum(torch.minimum(u, (u - 0.6).abs()) - 0.17, v - 0.75)


def _chequers(u: Tensor, v: Tensor) -> Tensor:
    """The five squares of one colour on a board of three by three."""
    u, v = u.abs() - 0.25, v.abs() - 0.25
    middle = torch.maximum(u, v)
    corner = torch.maximum((u - 0.25).abs(), (v - 0.25).abs()) - 0.25
    return torch.minimum(middle, corner)


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
    """Draw images of Shapes-10."""
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count!r}")
    generator = Generator().manual_seed(seed)
    labels = torch.arange(count) % len(CLASSES)
    labels = labels[torch.randperm(count, generator=generator)]
    images = torch.empty(count, 3, _SIDE, _SIDE, dtype=torch.uint8)
    for label, form in enumerate(_FORMS.values()):
        for places in (labels == label).nonzero().squeeze(1).split(_CHUNK):
            images[places] = _paint_images(form, len(places), generator)
    return images, labels


def _paint_images(form: _Form, count: int, generator: Generator) -> Tensor:
    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator)

    def dark() -> Tensor:
        return uniform(0.0, 0.3, 3)

    def stroke() -> Tensor:
        u, v = _coordinates(uniform, reach=16)
        return torch.maximum(u.abs() - uniform(3, 10), v.abs() - uniform(0.7, 2))

    u, _ = _coordinates(uniform, reach=8)
    near, far = dark(), dark()
    canvas = near + (u * 0.03125 + 0.5).clamp_(0, 1) * (far - near)
    _paint(canvas, stroke(), dark())
    radius = uniform(*_RADIUS)
    u, v = _coordinates(
        uniform, reach=_SHIFT, width=radius * uniform(1 - _STRETCH, 1 + _STRETCH), height=radius
    )
    faint = uniform(0, 1) < _FAINT_SHARE
    opacity = torch.where(faint, uniform(_FAINTEST, _FAINT), 1.0)
    _paint(canvas, form(u, v) * radius, uniform(0.4, 1.0, 3), opacity)
    _paint(canvas, stroke(), dark())
    canvas.sub_(0.3).mul_(uniform(_CONTRAST[0] * 255, _CONTRAST[1] * 255)).add_(uniform(118, 138))
    noise = torch.empty(count * 384, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    noise = noise.view(torch.uint8).view(canvas.shape)
    canvas.add_((noise - 127.5) * uniform(0, _NOISE * math.sqrt(12) / 255))
    return canvas.clamp_(0, 255).to(torch.uint8)


_AXIS = torch.arange(_SIDE) - 15.5


def _coordinates(uniform, reach, width=1.0, height=1.0):
    angle = uniform(0, 2 * math.pi).double()
    cos, sin = angle.cos().float(), angle.sin().float()
    x = _AXIS - uniform(-reach, reach)
    y = _AXIS.view(-1, 1) - uniform(-reach, reach)
    return x * (cos / width) + y * (sin / width), y * (cos / height) - x * (sin / height)


def _paint(canvas: Tensor, distance: Tensor, colour: Tensor, opacity: Tensor | float = 1.0) -> None:
    coverage = (0.5 - distance).clamp_(0, 1).mul_(opacity)
    canvas.mul_(1 - coverage).add_(coverage * colour)
