"""Two residual maps on the vectors of a frozen encoder, one for mentions and one for descriptions.

A mention x and a description y become u = (I + A)x and v = (I + B)y, each of length 1. A and B are
trained by InfoNCE (van den Oord et al. 2018): of the codes of a batch and of random ones of the
whole list, the mention's own is to be nearest. Random codes of the list matter: with those of the
training mentions alone, codes that nobody was trained on rank too high.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Maps", "Recipe", "loss_and_gradients", "train_maps", "unit"]

Matrix = NDArray[np.float32]


class Recipe(NamedTuple):
    """Settings of the training; the defaults were compared on a fifth of CodiEsp's documents."""

    rate: float = 2e-3
    epochs: int = 6
    temperature: float = 0.05
    batch: int = 256
    negatives: int = 1024
    decay: float = 0.01
    #: Fewer mentions are gone through more often than ``epochs`` says.
    least_steps: int = 200


class Maps(NamedTuple):
    """``mean`` is subtracted from every vector of the encoder first."""

    mean: Matrix
    mention: Matrix
    description: Matrix

    def centred(self, vectors: Matrix) -> Matrix:
        return unit(vectors - self.mean)

    def of_mentions(self, vectors: Matrix) -> Matrix:
        """Mapped vectors of length 1 of mentions, from the encoder's own."""
        centred = self.centred(vectors)
        return unit(centred + centred @ self.mention.T)

    def of_descriptions(self, vectors: Matrix) -> Matrix:
        centred = self.centred(vectors)
        return unit(centred + centred @ self.description.T)


def unit(rows: Matrix) -> Matrix:
    """Rows of length 1; a row of zeros stays."""
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    scaled: Matrix = rows / np.maximum(length, np.float32(1e-12))
    return scaled


def loss_and_gradients(
    maps: tuple[Matrix, Matrix],
    mentions: Matrix,
    descriptions: Matrix,
    own: NDArray[np.intp],
    temperature: float,
) -> tuple[float, Matrix, Matrix]:
    """Mean InfoNCE of a batch, and its gradients by A and B.

    Parameters
    ----------
    mentions, descriptions
        Centred vectors of length 1, (n, d) and (m, d).
    own
        Row of each mention's own description, (n,).
    """
    mention_map, description_map = maps
    raw_u = mentions + mentions @ mention_map.T
    raw_v = descriptions + descriptions @ description_map.T
    length_u = np.linalg.norm(raw_u, axis=1, keepdims=True)
    length_v = np.linalg.norm(raw_v, axis=1, keepdims=True)
    u, v = raw_u / length_u, raw_v / length_v
    logits = (u @ v.T) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    total = shares.sum(axis=1, keepdims=True)
    rows = np.arange(len(mentions))
    loss = float((np.log(total[:, 0]) - logits[rows, own]).mean())
    shares /= total
    shares[rows, own] -= 1
    shares /= temperature * len(mentions)
    by_u, by_v = shares @ v, shares.T @ u
    # Through the division by the length: only what is across the vector is left.
    by_u = (by_u - u * (by_u * u).sum(axis=1, keepdims=True)) / length_u
    by_v = (by_v - v * (by_v * v).sum(axis=1, keepdims=True)) / length_v
    return loss, by_u.T @ mentions, by_v.T @ descriptions


class _AdamW:
    """Loshchilov and Hutter 2019, with the usual moments (.9, .999)."""

    def __init__(self, weights: Matrix, decay: float) -> None:
        self._weights, self._decay = weights, decay
        self._first, self._second = np.zeros_like(weights), np.zeros_like(weights)
        self._step = 0

    def step(self, gradient: Matrix, rate: float) -> None:
        self._step += 1
        self._first += np.float32(0.1) * (gradient - self._first)
        self._second += np.float32(0.001) * (gradient * gradient - self._second)
        first = self._first / np.float32(1 - 0.9**self._step)
        second = self._second / np.float32(1 - 0.999**self._step)
        self._weights *= np.float32(1 - rate * self._decay)
        self._weights -= np.float32(rate) * first / (np.sqrt(second) + np.float32(1e-8))


def train_maps(
    mentions: Matrix,
    codes: NDArray[np.intp],
    descriptions: Matrix,
    *,
    seed: int,
    recipe: Recipe | None = None,
) -> Maps:
    """Train both maps.

    Parameters
    ----------
    mentions
        The encoder's vectors, (n, d).
    codes
        Row of each mention's description, (n,).
    descriptions
        The encoder's vectors of the whole list, (m, d).
    """
    recipe = recipe or Recipe()
    rng = np.random.default_rng(seed)
    mean = descriptions.mean(axis=0, dtype=np.float64).astype(np.float32)
    x, y = unit(mentions - mean), unit(descriptions - mean)
    size = x.shape[1]
    maps = (np.zeros((size, size), np.float32), np.zeros((size, size), np.float32))
    optimizers = [_AdamW(each, recipe.decay) for each in maps]
    batches = -(-len(x) // recipe.batch)
    epochs = max(recipe.epochs, -(-recipe.least_steps // batches))
    steps, done = epochs * batches, 0
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), recipe.batch):
            some = order[start : start + recipe.batch]
            drawn = rng.choice(len(y), min(recipe.negatives, len(y)), replace=False)
            wanted, own = np.unique(codes[some], return_inverse=True)
            shown = np.concatenate([wanted, np.setdiff1d(drawn, wanted, assume_unique=True)])
            _, *gradients = loss_and_gradients(maps, x[some], y[shown], own, recipe.temperature)
            rate = recipe.rate * (1 - done / steps)
            for optimizer, gradient in zip(optimizers, gradients, strict=True):
                optimizer.step(gradient, rate)
            done += 1
    return Maps(mean, *maps)
