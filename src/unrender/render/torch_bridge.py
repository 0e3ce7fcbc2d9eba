"""How a numpy kernel becomes a torch operator with gradients: conversions and registration."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import openmp
from unrender.render.kernels.threads import Shared, num_threads

_warned = False
openmp.find()


def threads() -> int:
    """Threads for a kernel: torch's own, or where `set_num_threads` asked for another number, the pool's."""
    own = torch.get_num_threads()
    count = num_threads(own)
    return Shared(count) if count == own > 1 and openmp.available() else count


def numpy_of(tensor: Tensor) -> np.ndarray:
    """The tensor's memory as a C-contiguous numpy array; copied only if it is not contiguous."""
    return tensor.detach().contiguous().numpy()


def float_tensor(name: str, value: Any, like: Tensor | None = None) -> Tensor:
    """A contiguous float32 or float64 CPU tensor; gradients pass through the conversions."""
    global _warned
    if not isinstance(value, Tensor):
        value = torch.as_tensor(value)
    if not value.is_floating_point():
        raise InputError(f"{name}: expected a float32 or float64 tensor, got {value.dtype}; convert it")
    if value.device.type != "cpu":
        if not _warned:
            _warned = True
            warnings.warn(
                f"unrender renders on the CPU: tensors are copied from {value.device} and back",
                RuntimeWarning, stacklevel=4,
            )  # fmt: skip
        value = value.cpu()
    dtype = like.dtype if like is not None else value.dtype
    if dtype not in (torch.float32, torch.float64):
        dtype = torch.float32
    return value if value.dtype == dtype else value.to(dtype)


def constant(tensor: Tensor) -> np.ndarray:
    """A tensor that no transform of torch.func sees, such as faces, as a numpy array."""
    if torch._C._are_functorch_transforms_active():
        with torch._C._DisableFuncTorch():
            return tensor.cpu().numpy()
    return tensor.cpu().numpy()


def pad(tensors: list[Tensor]) -> Tensor:
    """Tensors [V_b, 4] as one [B, max V_b, 4], zeros behind the shorter ones."""
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)


def face_table(name: str, faces: Any) -> np.ndarray:
    if isinstance(faces, Tensor):
        faces = constant(faces)
    return validate.face_array(name, faces)


def operator(name: str, plain: Callable) -> Any:
    return torch.library.custom_op(f"unrender::{name}", plain, mutates_args=(), device_types="cpu")


def function(plain: Callable, setup: Callable, backward: Callable) -> Callable:
    """The same computation as an autograd function: a fifth of an operator's cost for each call.

    Inside torch.func's transforms (grad, vjp, jacrev, vmap: one image of the mapped axis after the other) it
    is another one, in the form these need. There is no forward-mode derivative (jvp).
    """

    def forward(ctx: Any, *inputs: Any) -> Any:
        output = plain(*inputs)
        setup(ctx, inputs, output)
        return output

    once = torch.autograd.function.once_differentiable(backward)
    members = {"forward": staticmethod(forward), "backward": staticmethod(once)}
    kind: Any = type(plain.__name__, (torch.autograd.Function,), members)
    transformed = _transformable(plain, setup, backward)

    def call(*inputs: Any) -> Any:
        return (transformed if torch._C._are_functorch_transforms_active() else kind).apply(*inputs)

    return call


def _transformable(plain: Callable, setup: Callable, backward: Callable) -> Any:
    """The class of an autograd function that torch.func can transform."""

    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Any, Any]:
        results = [
            kind.apply(*(x if d is None else x.select(d, n) for x, d in zip(inputs, in_dims, strict=True)))
            for n in range(info.batch_size)
        ]
        if isinstance(results[0], tuple):
            stacked = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
            return stacked, (0,) * len(stacked)
        return torch.stack(results), 0

    members = {
        "forward": staticmethod(plain), "setup_context": staticmethod(setup),
        "backward": staticmethod(backward), "vmap": staticmethod(vmap),
    }  # fmt: skip
    kind: Any = type(plain.__name__, (torch.autograd.Function,), members)
    return kind


def pullback(plain: Callable, traced: Any) -> Callable:
    """A `vjp` in the form that fits where its arguments come from: eager, torch.func, or traced."""

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("unrender has no second derivatives; detach one of the two")

    transformed = _transformable(plain, setup, backward)

    def call(*inputs: Any) -> Any:
        tensors = [value for value in inputs if value is None or isinstance(value, Tensor)]
        if eager(*tensors):
            return plain(*inputs)
        return transformed.apply(*inputs) if direct(*tensors) else traced(*inputs)

    return call


def direct(*tensors: Tensor | None) -> bool:
    """Whether to call what `function` returned: always, except where an operator is to be traced."""
    return eager(*tensors) or (
        torch._C._are_functorch_transforms_active() and not torch.compiler.is_compiling()
    )


def eager(*tensors: Tensor | None) -> bool:
    """Whether these are ordinary tensors, outside torch.compile, tracing and torch.func."""
    return (
        not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and all(tensor is None or type(tensor) in _ORDINARY for tensor in tensors)
    )


_ORDINARY = (Tensor, torch.nn.Parameter)


def plain_or_operator(name: str, plain: Callable, fake: Callable) -> Callable:
    """An operator without a gradient of its own (a `vjp`); ordinary tensors take the short way."""
    registered = operator(name, plain)
    registered.register_fake(fake)
    return pullback(plain, registered)


def differentiable(
    name: str, plain: Callable, fake: Callable, setup: Callable, backward: Callable
) -> Callable:
    """An operator with its gradient, as a function that takes the short way for ordinary tensors."""
    registered = operator(name, plain)
    registered.register_fake(fake)
    registered.register_autograd(backward, setup_context=setup)
    short = function(plain, setup, backward)

    def call(*inputs: Any) -> Any:
        tensors = (value for value in inputs if isinstance(value, Tensor))
        return (short if direct(*tensors) else registered)(*inputs)

    return call
