"""The adversarial loss: views of a photo's reconstruction from elsewhere should look like cut-out photos.

A critic tells object cut-outs of photos from renderings of reconstructed shapes at random azimuths; what it
has learnt pulls the sides that no photo shows towards what is usual (Kato and Harada, "Learning View Priors
for Single-view 3D Reconstruction", CVPR 2019). It sees colour and coverage, brought to one size and place,
and the category (projection: Miyato and Koyama, ICLR 2018); its gradient at photos is held small (R1:
Mescheder et al., ICML 2018).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrender.camera import orbit
from unrender.network.model import Prediction
from unrender.placement import mask_extent, place
from unrender.train.cameras import FOCAL
from unrender.train.checkpoint import optimizer_tensors, restore_optimizer
from unrender.train.photos import PhotoBatch
from unrender.train.shading import TemplateRenderer
from unrender.train.spaces import Shapes

SIZE = 64
"""Side of the pictures that the critic sees, in pixels."""
DIAGONAL = 58.0
"""Diagonal of the object's box in them, in pixels."""
ELEVATIONS = (-10.0, 35.0)
"""Of the random views, in degrees."""
PENALTY = 2.0
"""Weight of the squared gradient at photos, halved."""
RATE = 5e-4
"""Learning rate of the critic."""


class Critic(nn.Module):
    """Pictures [B, 4, 64, 64], premultiplied colour and coverage, and categories int64 [B] to logits [B]."""

    def __init__(self, categories: int) -> None:
        super().__init__()
        widths = (4, 32, 64, 96, 128)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, 2, 1) for inputs, outputs in itertools.pairwise(widths)
        )
        self.score = nn.Linear(widths[-1], 1)
        self.category = nn.Embedding(categories, widths[-1])
        nn.init.zeros_(self.category.weight)

    def forward(self, pictures: Tensor, categories: Tensor) -> Tensor:
        x = pictures
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
        features = x.mean((2, 3))
        return self.score(features)[:, 0] + (self.category(categories) * features).sum(1)


class Adversary:
    """A critic with its optimiser; each loss is one step of it."""

    def __init__(self, categories: int, seed: int) -> None:
        self.seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic(categories)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=RATE, betas=(0.0, 0.99))
        self.renderer = TemplateRenderer(SIZE)

    def loss(
        self,
        shapes: Shapes,
        prediction: Prediction,
        photos: PhotoBatch,
        rows: np.ndarray,
        categories: np.ndarray,
        delta: float,
        step: int,
    ) -> dict[str, Tensor]:
        """Train the critic for a step and judge the reconstructions by it.

        Args:
            shapes: of all categories. prediction: of the photos, textures included.
            photos: all of the step. rows: which of them are judged, their objects whole. categories: int64
                [B], the shape category of each photo. delta: width of soft silhouettes.
            step: of the run; the views are a function of the seed and it.

        Returns:
            "adversarial", a scalar with gradients to the prediction, and "critic", the critic's own loss.
        """
        number = torch.from_numpy(categories[rows])
        real = torch.from_numpy(np.stack([cut_out(photos.images[row], photos.masks[row]) for row in rows]))
        made = self.views(shapes, prediction, rows, number, delta, np.random.default_rng([self.seed, step]))
        critic = self._train(real, made.detach(), number)
        self.critic.requires_grad_(False)
        judged = F.softplus(-self.critic(made, number)).mean()
        self.critic.requires_grad_(True)
        return {"adversarial": judged, "critic": critic}

    def views(
        self, shapes: Shapes, prediction: Prediction, rows: np.ndarray, number: Tensor, delta: float,
        rng: np.random.Generator,
    ) -> Tensor:  # fmt: skip
        """Each reconstruction from a random side, in its own light, as the critic gets it."""
        chosen = torch.from_numpy(rows)
        coefficients = shapes.select(prediction.coefficients[chosen], number)
        vertices = shapes.vertices(coefficients, number)
        cameras = np.tile(np.eye(4), (len(rows), 1, 1))
        low, high = 0.5 * SIZE - 0.5 * DIAGONAL / np.sqrt(2), 0.5 * SIZE + 0.5 * DIAGONAL / np.sqrt(2)
        for camera, shape in zip(cameras, vertices.detach().double().numpy(), strict=True):
            camera[:3, :3] = orbit(rng.uniform(0, 360), rng.uniform(*ELEVATIONS), 1.0)[:3, :3]
            camera[:3, 3] = place(shape @ camera[:3, :3].T, (low, low, high, high), 0.5 * SIZE * FOCAL, SIZE)
        rendered = self.renderer(
            vertices, torch.from_numpy(cameras).float(), prediction.texture[chosen], prediction.light[chosen],
            delta,
        )  # fmt: skip
        colours = rendered.colours.permute(0, 3, 1, 2).clamp(0, 1)
        inside = (rendered.mask * rendered.covered)[:, None]
        return torch.cat([colours * inside, rendered.mask[:, None]], dim=1)

    def _train(self, real: Tensor, made: Tensor, number: Tensor) -> Tensor:
        """One step of the critic; its logistic loss."""
        real = real.requires_grad_(True)
        found = self.critic(real, number)
        (slope,) = torch.autograd.grad(found.sum(), real, create_graph=True)
        penalty = 0.5 * PENALTY * (slope**2).sum((1, 2, 3)).mean()
        wrong = F.softplus(-found).mean() + F.softplus(self.critic(made, number)).mean()
        self.optimizer.zero_grad(set_to_none=True)
        (wrong + penalty).backward()
        self.optimizer.step()
        return wrong.detach()

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a later `restore` needs to go on bit for bit."""
        critic = {f"critic.{key}": value for key, value in self.critic.state_dict().items()}
        return critic | optimizer_tensors(self.optimizer)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave.

        Raises:
            KeyError, RuntimeError: they are those of another critic.
        """
        self.critic.load_state_dict({key: state[f"critic.{key}"] for key in self.critic.state_dict()})
        restore_optimizer(self.optimizer, state)


def cut_out(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The object of a picture as the critic gets it, float32 [4, 64, 64].

    Args:
        image: float32 [3, S, S] in [0, 1]. mask: float32 [S/2, S/2] in [0, 1]; an empty one has no box, then
            the whole picture's is taken.
    """
    left, top, right, bottom = mask_extent(mask > 0.5) if (mask > 0.5).any() else (0.0, 0.0, *mask.shape)
    side = max(float(np.hypot(right - left, bottom - top)), 1.0) * SIZE / DIAGONAL
    small = torch.from_numpy(image)[None]
    small = F.avg_pool2d(small, image.shape[-1] // mask.shape[-1])[0]
    cover = torch.from_numpy(mask)[None]
    layers = torch.cat([small * cover, cover])[None]
    cells = mask.shape[-1]
    centre = np.array([0.5 * (left + right), 0.5 * (top + bottom)]) * 2 / cells - 1
    scale = side / cells
    matrix = torch.tensor([[[scale, 0, centre[0]], [0, scale, centre[1]]]], dtype=torch.float32)
    grid = F.affine_grid(matrix, [1, 4, SIZE, SIZE], align_corners=False)
    return np.asarray(F.grid_sample(layers, grid, align_corners=False)[0].numpy())
