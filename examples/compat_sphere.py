"""A textured sphere is deformed until its silhouettes and colours fit pictures: a kaolin (DIB-R) script.

Only the import and the device are not kaolin's. Run `python examples/compat_sphere.py`; the picture is
docs/pictures/compat_sphere.png.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from compat_stage import earth, main, save_sheet

import unrender.compat.kaolin as kal
from unrender.template import make_template

DEVICE = "cpu"
ITERATIONS = 220
RESOLUTION = 96
VIEWS = 12
BATCH = 4
IMAGE_WEIGHT, MASK_WEIGHT, LAPLACIAN_WEIGHT = 1.0, 1.0, 0.3


def cameras(count):
    """Around the object, at changing heights: transformations [B, 4, 3]."""
    turn = torch.arange(count) * 2 * math.pi / count
    up = 0.5 * torch.sin(torch.arange(count) * 2.4)
    place = 3.2 * torch.stack([turn.sin() * up.cos(), up.sin(), turn.cos() * up.cos()], dim=1)
    origin, y = torch.zeros(count, 3), torch.tensor([[0.0, 1.0, 0.0]])
    return kal.render.camera.generate_transformation_matrix(place, origin, y)


def render(vertices, faces, face_uvs, texture_map, cam_proj, cam_transform, resolution):
    batch_size, nb_faces = cam_transform.shape[0], faces.shape[0]
    face_vertices_camera, face_vertices_image, face_normals = kal.render.mesh.prepare_vertices(
        vertices.repeat(batch_size, 1, 1), faces, cam_proj, camera_transform=cam_transform
    )
    face_attributes = [
        face_uvs.repeat(batch_size, 1, 1, 1),
        torch.ones((batch_size, nb_faces, 3, 1), device=DEVICE),
    ]
    image_features, soft_mask, face_idx = kal.render.mesh.dibr_rasterization(
        resolution, resolution, face_vertices_camera[:, :, :, -1],
        face_vertices_image, face_attributes, face_normals[:, :, -1],
    )  # fmt: skip
    texture_coords, mask = image_features
    image = kal.render.mesh.texture_mapping(
        texture_coords, texture_map.repeat(batch_size, 1, 1, 1), mode="bilinear"
    )
    return torch.clamp(image * mask, 0.0, 1.0), soft_mask, face_idx, face_normals


def target_shape(sphere):
    """A made-up fruit: longer than wide, with a waist and lumps."""
    x, y, z = sphere.unbind(-1)
    waist = 1 - 0.35 * torch.exp(-(((y - 0.2) / 0.3) ** 2))
    lumps = 1 + 0.07 * torch.sin(5 * x + 1) * torch.cos(4 * z)
    return torch.stack([0.75 * x * waist * lumps, 0.95 * y, 0.6 * z * waist * lumps], dim=-1)


def run(iterations: int, out: Path) -> dict[str, float]:
    """Optimise; returns the views' silhouette IoU, distance to the target's vertices, the colour error."""
    template = make_template()
    faces = torch.tensor(template.faces).long().to(DEVICE)
    sphere = torch.tensor(template.vertices).float()[None].to(DEVICE)
    sphere = sphere / sphere.norm(dim=-1, keepdim=True)
    uvs = torch.tensor(template.uvs).float()[None].to(DEVICE)
    face_uvs = kal.ops.mesh.index_vertices_by_faces(uvs, torch.tensor(template.uv_faces).long())
    cam_proj = kal.render.camera.generate_perspective_projection(math.radians(45)).to(DEVICE)
    transforms = cameras(VIEWS).to(DEVICE)
    gt_vertices = target_shape(sphere)
    gt_texture = earth(64).flip(0).permute(2, 0, 1)[None].to(DEVICE)
    with torch.no_grad():
        gt_rgb, _, gt_idx, _ = render(
            gt_vertices, faces, face_uvs, gt_texture, cam_proj, transforms, RESOLUTION
        )
    gt_mask = (gt_idx >= 0).float()

    # the sphere's vertices, their centre, and a grey texture are learnt
    vertices_init = sphere * 0.6
    vertices = vertices_init.clone().requires_grad_()
    shift = torch.tensor([0.15, -0.1, 0.1], device=DEVICE, requires_grad=True)
    texture_map = torch.full((1, 3, 64, 128), 0.5, device=DEVICE, requires_grad=True)
    optimizer = torch.optim.Adam(
        [{"params": [vertices, shift], "lr": 1e-2}, {"params": [texture_map], "lr": 3e-2}], betas=(0.5, 0.99)
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda it: 10 ** (-it / max(iterations, 1)))
    laplacian = kal.ops.mesh.uniform_laplacian(vertices.shape[1], faces).to(DEVICE)
    order = torch.Generator().manual_seed(1)

    def measure():
        with torch.no_grad():
            moved = vertices - vertices.mean(dim=1, keepdim=True) + shift
            picture = render(moved, faces, face_uvs, texture_map, cam_proj, transforms, RESOLUTION)
            iou = 1 - float(kal.metrics.render.mask_iou((picture[2] >= 0).float(), gt_mask))
            gap = torch.cdist(moved[0], gt_vertices[0]).min(dim=1).values.mean()
            return iou, float(gap), float((picture[0] - gt_rgb).abs().mean()), picture[0]

    first = measure()
    tiles = [(f"target, view {view}", gt_rgb[view]) for view in (0, 4, 8)]
    tiles += [("at first", first[3][view]) for view in (0, 4, 8)]
    for _ in range(iterations):
        chosen = torch.randperm(VIEWS, generator=order)[:BATCH]
        vertices_batch = vertices - vertices.mean(dim=1, keepdim=True) + shift
        image, soft_mask, _, _ = render(
            vertices_batch, faces, face_uvs, texture_map, cam_proj, transforms[chosen], RESOLUTION
        )
        image_loss = torch.mean(torch.abs(image - gt_rgb[chosen]))
        mask_loss = kal.metrics.render.mask_iou(soft_mask, gt_mask[chosen])
        moved_laplacian = torch.matmul(laplacian, vertices - vertices_init)
        laplacian_loss = torch.mean(moved_laplacian**2) * vertices.shape[1] * 3 / 100
        loss = image_loss * IMAGE_WEIGHT + mask_loss * MASK_WEIGHT + laplacian_loss * LAPLACIAN_WEIGHT
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    last = measure()
    tiles += [(f"fitted, IoU {last[0]:.3f}", last[3][view]) for view in (0, 4, 8)]
    save_sheet(out / "compat_sphere.png", tiles, 3)
    return {
        "IoU at first": first[0], "IoU at last": last[0],
        "distance at first": first[1], "distance at last": last[1],
        "image L1 at first": first[2], "image L1 at last": last[2],
    }  # fmt: skip


if __name__ == "__main__":
    main(run, ITERATIONS)
