"""From a checkpoint to the folder that `Reconstructor.from_pretrained` reads: ONNX, shape spaces and model
card. The checkpoint says which categories the network has.

Weights are stored as float16 and cast when the model is loaded; everything is computed in float32.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import save
from torch import Tensor, nn

from unrender.errors import ConfigError, MissingExtraError
from unrender.files import write_atomic
from unrender.network.model import OUTPUT_NAMES, NetworkConfig, UnrenderNetwork
from unrender.network.runtime import MODEL_FILE, SHAPES_FILE, TRAINING_FILE, write_card
from unrender.network.segmenter import SegmenterConfig, SegmenterNetwork
from unrender.network.whole import WholeNetwork
from unrender.shape_space import load_shape_space
from unrender.train.calibrate import calibrate_model
from unrender.train.checkpoint import load_weights, read_meta, trained_categories, trained_image_size
from unrender.train.spaces import FreeShape

OPSET = 17
PER_PICTURE = ("image", "mask_logits", "category_logits")
"""Inputs and outputs with one entry for each picture; the others have one for each look."""
HALF_LIMIT = 1024
"""Tensors of at least so many numbers are stored as float16."""


@dataclass(frozen=True)
class ExportConfig:
    """What is exported.

    Attributes:
        checkpoint: safetensors file of a training run; its running average is exported.
        segmenter: that of a segmenter's run, whose masks and categories the model is to use; or none.
        shape_space: safetensors file of the shape spaces; not read for free shapes.
        out: folder to write.
        category_share: how much the checkpoint's category counts beside the segmenter's (`WholeNetwork`).
        calibrate: folder of photos (split "val") on which the category's temperature is fitted; or none.
        name, version, licence, data: for the model card.
    """

    checkpoint: str
    shape_space: str
    out: str
    segmenter: str | None = None
    category_share: float = 0.0
    calibrate: str | None = None
    name: str = "unrender"
    version: str = "0.7.0"
    licence: str = (
        "Apache-2.0; trained on procedural shapes, and meshes and photographs under CC0, CC BY and MIT-0 only"
    )
    data: str = (
        "procedural objects; meshes under CC0, CC BY 4.0, CC BY 3.0, MIT-0 (Kenney, Quaternius, Google "
        "Scanned Objects, YCB, AWS RoboMaker, Gazebo); Caltech-101 photographs (CC BY 4.0)"
    )


class _Outputs(nn.Module):
    """The network with a tuple of outputs, as ONNX wants it."""

    def __init__(self, network: UnrenderNetwork | WholeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, *looks: Tensor) -> tuple[Tensor, ...]:
        found = self.network(image, *looks)
        outputs = found if isinstance(found, dict) else vars(found)
        return tuple(outputs[name] for name in OUTPUT_NAMES)


def export_model(config: ExportConfig) -> float:
    """Write the model folder; returns the largest difference between ONNX Runtime and torch over all outputs.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: a checkpoint does not fit.
        ConfigError: the segmenter knows other categories.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("exporting needs onnx; pip install 'unrender[train]'") from None
    meta = read_meta(config.checkpoint)
    shape_categories, labels = trained_categories(meta)
    free = meta.get("config", {}).get("shape") == "free"
    spaces = (
        FreeShape(shape_categories).arrays() if free else read_spaces(config.shape_space, shape_categories)
    )
    sizes = {name: len(spaces[f"{name}.basis"]) for name in shape_categories}
    network = UnrenderNetwork(
        NetworkConfig(
            trained_image_size(meta),
            max(sizes.values()),
            shape_categories=shape_categories,
            categories=labels,
        )
    )
    load_weights(config.checkpoint, network, strict=True)
    whole, size = _with_segmenter(config, network)
    whole.eval()
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    temporary = out / f"{MODEL_FILE}.tmp{os.getpid()}"
    example = _example(whole, torch.zeros(2, 3, size, size))
    axes = {
        name: {0: "pictures" if name in PER_PICTURE or len(example) == 1 else "looks"}
        for name in (*example, *OUTPUT_NAMES)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter needs one more package
        torch.onnx.export(
            _Outputs(whole), tuple(example.values()), str(temporary),
            input_names=list(example), output_names=list(OUTPUT_NAMES), opset_version=OPSET, dynamo=False,
            dynamic_axes=axes,
        )  # fmt: skip
    model = onnx.load(str(temporary))
    fold_padding(model)
    _store_half(model)
    onnx.save(model, str(temporary))
    os.replace(temporary, out / MODEL_FILE)

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
        "categories": list(labels),
        "loop": not free,
    }
    write_card(out, card)
    _write_rest(network, model, out / TRAINING_FILE)
    difference = _difference(whole, size, out / MODEL_FILE)
    if config.calibrate is not None:
        calibrate_model(out, config.calibrate, meta.get("config", {}).get("aliases", {}))
    return difference


def _with_segmenter(
    config: ExportConfig, network: UnrenderNetwork
) -> tuple[UnrenderNetwork | WholeNetwork, int]:
    """What is exported, and the side of its pictures.

    Raises:
        ConfigError: the segmenter knows other categories.
    """
    if config.segmenter is None:
        return network, network.config.image_size
    meta = read_meta(config.segmenter)
    labels, size = trained_categories(meta)[1], trained_image_size(meta)
    if labels != network.config.categories:
        raise ConfigError(
            f"segmenter: its categories ({', '.join(labels)}) are not those of the checkpoint "
            f"({', '.join(network.config.categories)}); train both with the same labels"
        )
    segmenter = SegmenterNetwork(SegmenterConfig(size, labels))
    load_weights(config.segmenter, segmenter, strict=True)
    return WholeNetwork(segmenter, network, config.category_share), size


def _write_rest(network: UnrenderNetwork, model: object, path: Path) -> None:
    """The network's weights that the graph lacks, as float16: training may start from them."""
    import onnx

    assert isinstance(model, onnx.ModelProto)
    there = {item.name.removesuffix(".half") for item in model.graph.initializer}
    rest = {
        name: value.half().contiguous()
        for name, value in network.state_dict().items()
        if not there & {f"network.{name}", f"network.shapes.{name}"}
    }
    write_atomic(path, save(rest))


def read_spaces(path: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of the shape spaces "<name>." of a file.

    Raises:
        ModelError: the file is missing or damaged, or lacks a category.
    """
    for name in names:
        load_shape_space(path, f"{name}.")
    return {key: value for key, value in load_file(path).items() if key.split(".")[0] in names}


def fold_padding(model: object) -> None:
    """Give convolutions the zero padding that nodes of their own do before them.

    An uneven padding cannot be said in torch; in ONNX it can, and saves a copy and two changes of layout.
    """
    import onnx
    from onnx import helper

    assert isinstance(model, onnx.ModelProto)
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    for conv in graph.node:
        pad = made_by.get(conv.input[0]) if conv.op_type == "Conv" else None
        if pad is None or pad.op_type != "Pad":
            continue
        mode = next((item.s for item in pad.attribute if item.name == "mode"), b"constant")
        if mode != b"constant" or (len(pad.input) > 2 and pad.input[2]):
            continue
        added = _constant(graph, made_by, pad.input[1])
        sides = len(added) // 2
        pads = next(item for item in conv.attribute if item.name == "pads")
        widths = np.array(pads.ints) + np.concatenate([added[2:sides], added[sides + 2 :]])
        conv.attribute.remove(pads)
        conv.attribute.append(helper.make_attribute("pads", widths.tolist()))
        conv.input[0] = pad.input[0]
    _drop_unused(graph)


def _constant(graph: Any, made_by: dict[str, Any], name: str) -> np.ndarray:
    """The value `name`, which depends on no input of the graph."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    needed, open_names = [], [name]
    while open_names:
        node = made_by.get(open_names.pop())
        if node is not None and node not in needed:
            needed.append(node)
            open_names += [item for item in node.input if item]
    nodes = [node for node in graph.node if node in needed]
    part = helper.make_graph(
        nodes, "constant", [], [helper.make_empty_tensor_value_info(name)], graph.initializer
    )
    model = helper.make_model(part, opset_imports=[helper.make_opsetid("", OPSET)])
    results: Any = ReferenceEvaluator(model).run(None, {})
    return np.asarray(results[0])


def _drop_unused(graph: Any) -> None:
    """Remove the nodes whose outputs nobody reads."""
    read = {item.name for item in graph.output}
    for node in reversed(graph.node):
        if read & set(node.output):
            read |= set(node.input)
    kept = [node for node in graph.node if read & set(node.output)]
    del graph.node[:]
    graph.node.extend(kept)


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


def _example(network: UnrenderNetwork | WholeNetwork, image: Tensor) -> dict[str, Tensor]:
    """Inputs by name: pictures, and where the graph takes looks, one at the first and at its mirror image."""
    if isinstance(network, UnrenderNetwork):
        return {"image": image}
    return {"image": image, "looks": torch.tensor([0, len(image)])}


def _difference(network: UnrenderNetwork | WholeNetwork, size: int, path: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    inputs = _example(network, torch.rand(1, 3, size, size, generator=generator))
    with torch.no_grad():
        expected = _Outputs(network)(*inputs.values())
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return max(float(np.abs(e.numpy() - f).max()) for e, f in zip(expected, found, strict=True))


if __name__ == "__main__":
    import tyro

    settings = tyro.cli(ExportConfig)
    print(f"{settings.out}: largest difference from torch {export_model(settings):.2e}")
