"""nvdiffrast's definitions in plain torch, float64, slow: the oracle of the tests."""

import torch


def centres(height, width):
    x = (torch.arange(width, dtype=torch.float64) + 0.5) * 2 / width - 1
    y = (torch.arange(height, dtype=torch.float64) + 0.5) * 2 / height - 1
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)  # row 0 is the bottom


def weights(corners, pixels):
    """Perspective-correct weights [..., 3] at NDC pixels [..., 2] of faces with corners [..., 3, 4]."""
    matrix = corners[..., [0, 1, 3]].transpose(-1, -2)
    point = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
    c = torch.linalg.solve(matrix, point[..., None])[..., 0]
    return c / c.sum(dim=-1, keepdim=True), c


def fragments(pos, tri, height, width):
    """z/w [H, W, T] of every face at every pixel, inf where it is not; from one mesh [V, 4]."""
    pixels = centres(height, width)[:, :, None]
    corners = pos[tri.long()]
    b, c = weights(corners.expand(height, width, -1, -1, -1), pixels.expand(-1, -1, len(tri), -1))
    z = (b * corners[..., 2]).sum(-1) / (b * corners[..., 3]).sum(-1)
    hit = (c > 0).all(dim=-1) & (z >= -1) & (z <= 1)
    return torch.where(hit, z, torch.inf)


def rasterize(pos, tri, height, width, layer=0):
    """(u, v, z/w, id) and derivatives [H, W, 4] of one mesh, differentiable in pos."""
    with torch.no_grad():
        depth, order = fragments(pos, tri, height, width).sort(dim=-1)
        seen = depth[..., layer] < torch.inf
        face = torch.where(seen, order[..., layer], 0)
    pixels = centres(height, width).requires_grad_()
    b, _ = weights(pos[tri.long()][face], pixels)
    slopes = []
    for corner in range(2):
        (slope,) = torch.autograd.grad(b[..., corner].sum(), pixels, create_graph=True)
        slopes += [slope[..., 0] * 2 / width, slope[..., 1] * 2 / height]
    z = torch.where(seen, depth[..., layer], 0)
    packed = torch.stack([b[..., 0], b[..., 1], z, face + 1.0], dim=-1)
    return packed * seen[..., None], torch.stack(slopes, dim=-1) * seen[..., None]


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def antialias(color, rast, pos, tri):
    """One picture [H, W, C], differentiable in color and pos."""
    height, width, _ = color.shape
    size = torch.tensor([width, height], dtype=torch.float64)
    screen = (pos[:, :2] / pos[:, 3:] + 1) / 2 * size
    faces = tri.tolist()
    on_edge = {}
    for number, face in enumerate(faces):
        for k in range(3):
            on_edge.setdefault(frozenset((face[k - 1], face[k - 2])), []).append((number, face[k]))
    out = color.clone()
    for row in range(height):
        for column in range(width):
            for dx, dy in ((1, 0), (0, 1)):
                if column + dx >= width or row + dy >= height:
                    continue
                pair = [(row, column), (row + dy, column + dx)]
                number = [int(rast[r, c, 3]) - 1 for r, c in pair]
                if number[0] == number[1]:
                    continue
                z = [float(rast[r, c, 2]) if n >= 0 else 9.0 for (r, c), n in zip(pair, number, strict=True)]
                near = 0 if z[0] <= z[1] else 1
                (r0, c0), (r1, c1) = pair[near], pair[1 - near]
                start = torch.tensor([c0 + 0.5, r0 + 0.5], dtype=torch.float64)
                way = torch.tensor([c1 - c0, r1 - r0], dtype=torch.float64)
                face = faces[number[near]]
                for k in range(3):
                    i, j = face[k - 1], face[k - 2]
                    p, q = screen[i] - start, screen[j] - start
                    across_p, across_q = way[0] * p[1] - way[1] * p[0], way[0] * q[1] - way[1] * q[0]
                    if (across_p > 0) == (across_q > 0):
                        continue
                    t = across_p / (across_p - across_q)
                    d = ((p + t * (q - p)) * way).sum()
                    along = float(((q - p) * way).sum())
                    if not 0 <= d <= 1 or abs(float(across_q - across_p)) < abs(along):
                        continue
                    beyond = [corner for other, corner in on_edge[frozenset((i, j))] if other != number[near]]
                    own = _turn(screen[i], screen[j], screen[face[k]])
                    if beyond and _turn(screen[i], screen[j], screen[beyond[0]]) * own <= 0:
                        continue
                    a, b = color[r0, c0], color[r1, c1]
                    where, blend = (
                        ((r0, c0), (0.5 - d) * (b - a)) if d < 0.5 else ((r1, c1), (d - 0.5) * (a - b))
                    )
                    change = torch.zeros_like(out)
                    change[where] = 1
                    out = out + change * blend
    return out
