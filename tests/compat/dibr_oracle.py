"""DIB-R's definitions in plain torch, every pixel against every face; slow, and the oracle of the tests."""

import torch


def centres(height, width, dtype=torch.float64):
    x = (2 * torch.arange(width, dtype=dtype) + 1 - width) / width
    y = (height - 2 * torch.arange(height, dtype=dtype) - 1) / height
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def weights_of(points, pixels):
    """Affine weights [..., 3] of pixels in triangles [..., 3, 2]."""
    a, b, c = (points[..., corner, :] - pixels for corner in range(3))
    parts = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], dim=-1)
    return parts / parts.sum(dim=-1, keepdim=True)


def rasterize(height, width, z, points, features, valid):
    """Image [B, H, W, C] and face index [B, H, W], differentiable."""
    pixels = centres(height, width, points.dtype)[None, :, :, None]
    corners = points[:, None, None]
    with torch.no_grad():
        w = weights_of(corners, pixels)
        low, high = corners.amin(dim=-2), corners.amax(dim=-2)
        hit = ((pixels >= low) & (pixels < high)).all(dim=-1) & (w >= 0).all(dim=-1) & valid[:, None, None]
        depth = (w * z[:, None, None]).sum(dim=-1)
        depth = torch.where(hit, depth, -torch.inf)
        best, index = depth.max(dim=-1)
        first = (depth == best[..., None]).to(torch.uint8).argmax(dim=-1)
        index = torch.where(best > -torch.inf, first, -1)
    batch = torch.arange(points.shape[0])[:, None, None]
    seen = index.clamp(min=0)
    weight = weights_of(points[batch, seen], pixels[:, :, :, 0])
    image = (weight[..., None] * features[batch, seen]).sum(dim=-2)
    return torch.where(index[..., None] >= 0, image, 0), index


def border_distance(points, pixels):
    """Smallest squared distance to three edges (4 if the foot is off the edge) and three corners."""
    candidates = []
    for corner in range(3):
        start, end = points[..., corner, :], points[..., (corner + 1) % 3, :]
        along, gap = end - start, pixels - start
        length = (along * along).sum(dim=-1)
        t = (gap * along).sum(dim=-1) / length
        offset = gap - t[..., None] * along
        candidates.append(torch.where((t >= 0) & (t <= 1), (offset * offset).sum(dim=-1), 4.0))
    candidates += [((pixels - points[..., corner, :]) ** 2).sum(dim=-1) for corner in range(3)]
    return torch.stack(candidates, dim=-1).amin(dim=-1)


def soft_mask(points, index, sigmainv, boxlen, knum):
    """[B, H, W], differentiable."""
    height, width = index.shape[1:]
    pixels = centres(height, width, points.dtype)[None, :, :, None]
    corners = points[:, None, None]
    with torch.no_grad():
        low, high = corners.amin(dim=-2) - boxlen, corners.amax(dim=-2) + boxlen
        near = ((pixels >= low) & (pixels < high)).all(dim=-1)
        near &= near.cumsum(dim=-1) <= knum
    p = torch.exp(-sigmainv * border_distance(corners, pixels))
    mask = 1 - torch.where(near, 1 - p, 1).prod(dim=-1)
    return torch.where(index >= 0, 1, mask)
