"""Training: a small net told the quantiles it gets wrong (pinball loss), by Adam, in numpy."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from .batteries import Array

HIDDEN = (48, 24)
EPOCHS = 16
BATCH = 512
RATE = 4e-3
DECAY = 3e-4
NOISE = 0.08  # on the features, in sd: neighbours are alike
FAR = 3.0
START_LN_REACH = -1.2


class Net(NamedTuple):
    """Features' mean and sd, then weights and offsets layer by layer; three outputs: centre and ln
    of the reach of the 90 % interval below and above it."""

    mean: Array
    sd: Array
    weights: list[Array]
    offsets: list[Array]


def train(x: Array, y: Array, counts: Array, seed: int, epochs: int = EPOCHS) -> Net:
    """A net that gives median, 5 and 95 % of `y` for `x`; drawn as often as `counts`."""
    rng = np.random.default_rng(seed)
    mean, sd = x.mean(0), x.std(0) + 1e-6
    z = np.clip((x - mean) / sd, -FAR, FAR)
    sizes = [z.shape[1], *HIDDEN, 3]
    weights = [rng.normal(0.0, a**-0.5, (a, b)) for a, b in itertools.pairwise(sizes)]
    weights[-1] *= 0.1
    offsets = [np.zeros(b) for b in sizes[1:]]
    offsets[-1][1:] = START_LN_REACH
    values = weights + offsets
    first, second = ([np.zeros_like(p) for p in values] for _ in range(2))
    steps = epochs * (len(y) // BATCH)
    step = 0
    for _ in range(epochs):
        order = rng.choice(len(y), len(y), p=counts / counts.sum())
        for start in range(0, len(y) - BATCH + 1, BATCH):
            some = order[start : start + BATCH]
            layers = [z[some] + rng.normal(0.0, NOISE, (BATCH, z.shape[1]))]
            for weight, offset in zip(weights[:-1], offsets[:-1], strict=True):
                layers.append(np.tanh(layers[-1] @ weight + offset))
            out = layers[-1] @ weights[-1] + offsets[-1]
            pull = _pull(out, y[some]) / BATCH
            by_weight: list[Array] = []
            by_offset: list[Array] = []
            for k in range(len(weights) - 1, -1, -1):
                by_weight.insert(0, layers[k].T @ pull + DECAY * weights[k])
                by_offset.insert(0, pull.sum(0))
                if k:
                    pull = (pull @ weights[k].T) * (1.0 - layers[k] ** 2)
            step += 1
            rate = RATE * 0.5 * (1.0 + np.cos(np.pi * step / steps)) + 1e-5
            for k, (p, g) in enumerate(zip(values, by_weight + by_offset, strict=True)):
                first[k] = 0.9 * first[k] + 0.1 * g
                second[k] = 0.999 * second[k] + 0.001 * g * g
                p -= (
                    rate
                    * (first[k] / (1 - 0.9**step))
                    / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
                )
    return Net(mean, sd, weights, offsets)


def _pull(out: Array, y: Array) -> Array:
    """Slope of the pinball losses; the ends of the interval do not pull on the centre."""
    below, above = np.exp(out[:, 1]), np.exp(out[:, 2])
    pull = np.empty_like(out)
    pull[:, 0] = np.where(y > out[:, 0], -1.0, 1.0)
    pull[:, 1] = -2.0 * np.where(y > out[:, 0] - below, -0.05, 0.95) * below
    pull[:, 2] = 2.0 * np.where(y > out[:, 0] + above, -0.95, 0.05) * above
    return pull


def run(net: Net, x: Array) -> Array:
    """Rows of centre, reach below, reach above."""
    values = np.clip((x - net.mean) / net.sd, -FAR, FAR)
    for weight, offset in zip(net.weights[:-1], net.offsets[:-1], strict=True):
        values = np.tanh(values @ weight + offset)
    out = values @ net.weights[-1] + net.offsets[-1]
    return np.column_stack([out[:, 0], np.exp(out[:, 1]), np.exp(out[:, 2])])


def run_all(nets: list[Net], x: Array) -> Array:
    """The mean of several nets' answers."""
    return np.asarray(np.mean([run(net, x) for net in nets], axis=0))
