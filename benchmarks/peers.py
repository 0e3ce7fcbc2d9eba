"""Other renderers on the benchmark's workloads; each raises `Missing` with the reason where it cannot run.

- DEODR (float64, affine, one thread): edge anti-aliasing in place of a soft mask (the mask is a fourth
  colour), back-face culling, which its gradients need; silhouette edges are found with numpy in the step.
- Mitsuba 3, `llvm_ad_rgb`, `direct_projective`, 4 samples a pixel, diffuse under constant light, without the
  gradients of shadow edges (`sppi` 0: nobody else has them, and they take ten times as long); needs
  libLLVM (Debian: libllvm19); the environment variable DRJIT_LIBLLVM_PATH may name its file.
- OpenGL in software (llvmpipe over EGL) by moderngl: not differentiable; pictures are read back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unrender.render.kernels import rasterize
from workloads import Workload

Steps = dict[str, Callable[[], Any]]
"""Some of "visibility only", "forward" and "forward+backward"."""


class Missing(Exception):
    """A peer cannot run here."""


def deodr(work: Workload, threads: int) -> Steps:
    """DEODR on the arrays of a workload."""
    try:
        from deodr.differentiable_renderer import Scene2D
    except ImportError as error:
        raise Missing(f"deodr: {error}; pip install deodr") from None
    height, width = work.size
    batch, count = work.clip.shape[:2]
    clip = work.clip.astype(np.float64)
    x, y = clip[..., 0] / clip[..., 3], clip[..., 1] / clip[..., 3]
    ij = np.stack([(x + 1) * width / 2 - 0.5, (1 - y) * height / 2 - 0.5], -1)
    faces = work.faces.astype(np.uint32)
    edges = np.sort(np.stack([work.faces, np.roll(work.faces, -1, 1)], -1), -1)
    key = edges[..., 0].astype(np.int64) * count + edges[..., 1]
    _, edge = np.unique(key, return_inverse=True)
    edge = edge.reshape(-1, 3)
    channels = 3 if work.name == "W3" else 4
    textured = work.texture is not None
    scenes, targets = [], []
    for image in range(batch):
        shown = np.concatenate([work.colors[image], np.ones((count, 1))], 1)[:, :channels].astype(np.float64)
        texture = np.zeros((0, 0, channels))
        uv, uv_faces = np.zeros((1, 2)), np.zeros_like(faces)
        if work.texture is not None and work.uvs is not None and work.uv_faces is not None:
            source = work.texture[image]
            texture = np.concatenate([source, np.ones((*source.shape[:2], 1))], 2).astype(np.float64)
            uv = np.stack([work.uvs[:, 0], 1 - work.uvs[:, 1]], 1) * (source.shape[1] - 2.0)
            uv_faces = work.uv_faces.astype(np.uint32)
        scenes.append(
            Scene2D(
                faces, uv_faces, ij[image], clip[image, :, 3].copy(), np.full(len(faces), textured), uv,
                np.ones(count), shown, np.full(len(faces), textured), np.zeros((len(faces), 3), bool),
                height, width, channels, texture, background_color=np.zeros(channels), clockwise=True,
                backface_culling=True,
            )
        )  # fmt: skip
        goal = np.concatenate([work.target[image], work.target_mask[image, ..., None]], -1)
        targets.append(np.ascontiguousarray(goal[..., :channels], dtype=np.float64))

    def silhouette(scene: Any) -> None:
        a, b, c = (scene.ij[scene.faces[:, k]] for k in range(3))
        front = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        total = np.bincount(edge[front].reshape(-1), minlength=int(edge.max()) + 1)
        scene.edgeflags = (total[edge] == 1) & front[:, None]

    def forward() -> None:
        for scene in scenes:
            silhouette(scene)
            scene.render(1.0)

    def step() -> None:
        for scene, goal in zip(scenes, targets, strict=True):
            silhouette(scene)
            scene.clear_gradients()
            image, _ = scene.render(1.0)
            scene.render_backward(2 * (image - goal) / goal.size, make_copies=False)

    def visibility() -> None:
        for scene in scenes:
            scene.edgeflags = np.zeros((len(faces), 3), bool)
            scene.render(0.0)

    first, _ = scenes[0].render(0.0)
    ours = rasterize.forward(work.clip[:1], work.faces, height, width)[0][0] >= 0
    drawn = first[..., 3] > 0.5 if channels == 4 else first.sum(-1) > 0
    _same(drawn, ours, "DEODR")
    return {"visibility only": visibility, "forward": forward, "forward+backward": step}


def _same(drawn: np.ndarray, ours: np.ndarray, name: str) -> None:
    """Check that a peer draws what we draw."""
    if (drawn != ours).mean() > 0.02:
        raise Missing(f"{name}: draws something else, {(drawn != ours).mean():.1%} of the pixels differ")


def _corners(work: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Clip positions and faces with one vertex for each row of `uvs`, where there are any."""
    if work.uvs is None or work.uv_faces is None:
        return work.clip, work.faces
    vertex = np.zeros(len(work.uvs), np.int64)
    vertex[work.uv_faces.reshape(-1)] = work.faces.reshape(-1)
    return np.ascontiguousarray(work.clip[:, vertex]), work.uv_faces


def opengl(work: Workload, threads: int) -> Steps:
    """llvmpipe: vertex colours or texture, depth test, read back to numpy."""
    os.environ.setdefault("LP_NUM_THREADS", str(threads))
    os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
    try:
        import moderngl

        context = moderngl.create_context(standalone=True, backend="egl")
    except Exception as error:
        raise Missing(f"moderngl: {error}; pip install moderngl and install libEGL and Mesa") from None
    clip, faces = _corners(work)
    batch, count = clip.shape[:2]
    height, width = work.size
    extra = work.colors if work.uvs is None else np.broadcast_to(work.uvs, (batch, count, 2))
    kind, names = ("3f", "vec3") if work.uvs is None else ("2f", "vec2")
    vertex = (
        f"#version 330\nin vec4 p; in {names} a; out {names} v; void main() {{ gl_Position = p; v = a; }}"
    )
    colour = "vec4(v, 1)" if work.uvs is None else "vec4(texture(t, v).rgb, 1)"
    head = f"#version 330\nuniform sampler2D t; in {names} v;"
    shade = context.program(vertex, f"{head} out vec4 o; void main() {{ o = {colour}; }}")
    name = context.program(
        vertex, f"#version 330\nin {names} v; out int o; void main() {{ o = gl_PrimitiveID + 1; }}"
    )
    buffer = context.buffer(reserve=4 * count * (4 + extra.shape[2]))
    index = context.buffer(np.ascontiguousarray(faces, np.int32).tobytes())
    arrays = {
        program: context.vertex_array(program, [(buffer, f"4f {kind}", *attributes)], index)
        for program, attributes in ((shade, ("p", "a")), (name, ("p",)))
        if program is shade
    }
    positions = context.buffer(reserve=16 * count)
    arrays[name] = context.vertex_array(name, [(positions, "4f", "p")], index)
    frames = {
        shade: context.framebuffer(
            [context.texture((width, height), 4, dtype="f4")], context.depth_renderbuffer((width, height))
        ),
        name: context.framebuffer(
            [context.texture((width, height), 1, dtype="i4")], context.depth_renderbuffer((width, height))
        ),
    }
    context.enable(moderngl.DEPTH_TEST)
    textures = []
    if work.texture is not None:
        textures = [
            context.texture(t.shape[1::-1], 3, np.ascontiguousarray(t[::-1]).tobytes(), dtype="f4")
            for t in work.texture
        ]

    def draw(program: Any, image: int) -> np.ndarray:
        frame = frames[program]
        frame.use()
        context.clear()
        if program is shade:
            both = np.concatenate([clip[image], extra[image]], 1, dtype=np.float32)
            buffer.write(both.tobytes())
            if textures:
                textures[image].use(0)
        else:
            positions.write(clip[image].tobytes())
        arrays[program].render()
        if program is shade:
            return np.frombuffer(frame.read(components=4, dtype="f4"), np.float32).reshape(height, width, 4)
        return np.frombuffer(frame.read(components=1, dtype="i4"), np.int32).reshape(height, width)

    drawn = draw(name, 0)[::-1] > 0
    _same(drawn, rasterize.forward(work.clip[:1], work.faces, height, width)[0][0] >= 0, "llvmpipe")
    return {
        "visibility only": lambda: [draw(name, image) for image in range(batch)],
        "forward": lambda: [draw(shade, image) for image in range(batch)],
    }


def mitsuba(work: Workload, threads: int) -> Steps:
    """Mitsuba 3 with gradients of positions and colours (W2: texture)."""
    libraries = sorted(Path("/usr/lib").glob("*/libLLVM.so.*"))
    if libraries:  # the newest; the one that is found without this may be too old
        os.environ.setdefault("DRJIT_LIBLLVM_PATH", str(libraries[-1]))
    try:
        import mitsuba as mi

        mi.set_variant("llvm_ad_rgb")
        import drjit as dr

        dr.eval(mi.Float([0.0]) + 1)
        dr.set_thread_count(threads)
    except Exception as error:
        reason = str(error).strip().splitlines()[:1]
        raise Missing(
            f"mitsuba: {reason}; pip install mitsuba, install libLLVM, set DRJIT_LIBLLVM_PATH"
        ) from None
    clip, faces = _corners(work)
    height, width = work.size
    half = np.tan(np.radians(45.0) / 2)
    scenes = []
    for image in range(len(clip)):
        camera = clip[image][:, [0, 1, 3]] * np.array([half, half, -1.0], np.float32)
        mesh = mi.Mesh("mesh", len(camera), len(faces), has_vertex_texcoords=work.uvs is not None)
        values = mi.traverse(mesh)
        values["vertex_positions"] = camera.reshape(-1).astype(np.float32)
        values["faces"] = faces.reshape(-1).astype(np.uint32)
        if work.uvs is not None:
            values["vertex_texcoords"] = work.uvs.reshape(-1)
        values.update()
        if work.texture is None:
            shown = work.colors[image].reshape(-1)
            mesh.add_attribute("vertex_color", 3, shown)
            look: dict[str, Any] = {"type": "mesh_attribute", "name": "vertex_color"}
        else:
            look = {"type": "bitmap", "data": mi.TensorXf(work.texture[image]), "raw": True}
        path = f"{os.environ.get('TMPDIR', '/tmp')}/unrender-bench-{os.getpid()}.ply"
        mesh.write_ply(path)
        scenes.append(
            mi.load_dict({
                "type": "scene", "integrator": {"type": "direct_projective", "sppi": 0},
                "light": {"type": "constant"},
                "sensor": {
                    "type": "perspective", "fov": 45.0,
                    "to_world": mi.ScalarTransform4f().look_at([0, 0, 0], [0, 0, -1], [0, 1, 0]),
                    "film": {
                        "type": "hdrfilm", "width": width, "height": height, "rfilter": {"type": "box"},
                    },
                },
                "mesh": {
                    "type": "ply", "filename": path,
                    "bsdf": {"type": "twosided", "material": {"type": "diffuse", "reflectance": look}},
                },
            })
        )  # fmt: skip
        os.unlink(path)
    kinds = ("vertex_positions", "vertex_color" if work.texture is None else "reflectance.data")
    parameters = []
    for scene in scenes:
        values = mi.traverse(scene)
        keys = [key for key in values.keys() if key.endswith(kinds)]  # noqa: SIM118
        parameters.append((values, keys))
    goals = [mi.TensorXf(target) for target in work.target]
    seed = iter(range(1 << 30))

    def forward() -> None:
        for scene in scenes:
            dr.eval(mi.render(scene, spp=4, seed=next(seed)))
        dr.sync_thread()

    def step() -> None:
        for scene, (values, keys), goal in zip(scenes, parameters, goals, strict=True):
            for key in keys:
                dr.enable_grad(values[key])
            values.update()
            picture = mi.render(scene, values, spp=4, seed=next(seed))
            dr.backward(dr.mean(dr.square(picture[..., :3] - goal), axis=None))
            dr.eval(*[dr.grad(values[key]) for key in keys])
        dr.sync_thread()

    def visibility() -> Any:
        for scene in scenes[::-1]:
            sensor = scene.sensors()[0]
            pixel = dr.arange(mi.UInt32, height * width)
            place = mi.Point2f((pixel % width + 0.5) / width, (pixel // width + 0.5) / height)
            ray, _ = sensor.sample_ray(0.0, 0.0, place, mi.Point2f(0.5))
            hit = scene.ray_intersect_preliminary(ray)
            dr.eval(hit.prim_index, hit.t)
        dr.sync_thread()
        return hit

    drawn = np.array(visibility().is_valid()).reshape(height, width)
    _same(drawn, rasterize.forward(work.clip[:1], work.faces, height, width)[0][0] >= 0, "mitsuba")
    return {"visibility only": visibility, "forward": forward, "forward+backward": step}


PEERS: dict[str, Callable[[Workload, int], Steps]] = {"deodr": deodr, "mitsuba": mitsuba, "llvmpipe": opengl}
