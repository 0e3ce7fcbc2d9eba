"""From a checkpoint to the folder that `Reconstructor.from_pretrained` reads: ONNX, shape space and model
card.

Weights are stored as float16 and cast when the model is loaded; everything is computed in float32.
"""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from unrender.errors import MissingExtraError
from unrender.network.model import OUTPUT_NAMES, NetworkConfig, UnrenderNetwork
from unrender.network.runtime import CARD_FILE, MODEL_FILE, SHAPES_FILE
from unrender.shape_space import load_shape_space
from unrender.train.checkpoint import load_weights

HALF_LIMIT = 1024
"""Tensors of at least so many numbers are stored as float16."""


@dataclass(frozen=True)
class ExportConfig:
    """What is exported.

    Attributes:
        checkpoint: safetensors file of a training run; its running average is exported.
        shape_space: safetensors file of the shape space.
        out: folder to write.
        name, version, licence, data: for the model card.
    """

    checkpoint: str
    shape_space: str
    out: str
    name: str = "unrender-birds"
    version: str = "0.1.0"
    licence: str = "Apache-2.0; trained on procedural shapes and CC BY 4.0 photographs only"
    data: str = "procedural birds; Caltech-101 photographs (CC BY 4.0)"


class _Outputs(nn.Module):
    """The network with a tuple of outputs, as ONNX wants it."""

    def __init__(self, network: UnrenderNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        prediction = self.network(image)
        return tuple(getattr(prediction, name) for name in OUTPUT_NAMES)


def export_model(config: ExportConfig) -> float:
    """Write the model folder; returns the largest difference between ONNX Runtime and torch over all outputs.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: the checkpoint does not fit.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("exporting needs onnx; pip install 'unrender[train]'") from None
    space = load_shape_space(config.shape_space, "bird.")
    network = UnrenderNetwork(NetworkConfig(coefficients=space.size))
    load_weights(config.checkpoint, network)
    network.eval()
    size = network.config.image_size
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    temporary = out / f"{MODEL_FILE}.tmp{os.getpid()}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs one more package
        torch.onnx.export(
            _Outputs(network), (torch.zeros(1, 3, size, size),), str(temporary),
            input_names=["image"], output_names=list(OUTPUT_NAMES), opset_version=17, dynamo=False,
        )  # fmt: skip
    model = onnx.load(str(temporary))
    _store_half(model)
    onnx.save(model, str(temporary))
    os.replace(temporary, out / MODEL_FILE)

    spaces = load_file(config.shape_space)
    save_file(
        {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in spaces.items()},
        str(out / SHAPES_FILE),
    )
    card = {
        "name": config.name,
        "version": config.version,
        "licence": config.licence,
        "data": config.data,
        "image_size": size,
        "coefficients": network.config.coefficients,
        "shape_categories": list(network.config.shape_categories),
        "categories": list(network.config.categories),
    }
    (out / CARD_FILE).write_text(json.dumps(card, indent=1) + "\n")
    return _difference(network, out / MODEL_FILE)


def _store_half(model: object) -> None:
    """Replace large float32 initializers by float16 ones followed by a cast."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    assert isinstance(model, onnx.ModelProto)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < HALF_LIMIT:
            continue
        name = tensor.name
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)


def _difference(network: UnrenderNetwork, path: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, network.config.image_size, network.config.image_size, generator=generator)
    with torch.no_grad():
        expected = _Outputs(network)(image)
    found = session.run(None, {"image": image.numpy()})
    return max(float(np.abs(e.numpy() - f).max()) for e, f in zip(expected, found, strict=True))


if __name__ == "__main__":
    import tyro

    settings = tyro.cli(ExportConfig)
    print(f"{settings.out}: largest difference from torch {export_model(settings):.2e}")
