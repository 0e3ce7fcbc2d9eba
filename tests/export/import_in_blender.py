"""Runs inside Blender (or a Python with bpy): imports a GLB file, prints what Blender made of it as JSON."""

import json
import sys

import bpy

path = sys.argv[-1]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=path)
(thing,) = [entry for entry in bpy.data.objects if entry.type == "MESH"]
mesh = thing.data
image = next(node.image for node in mesh.materials[0].node_tree.nodes if node.type == "TEX_IMAGE")
width, height = image.size
pixels = image.pixels[:]  # RGBA from the bottom row up
layer = mesh.uv_layers.active.data
samples = []
for polygon in mesh.polygons:
    corners = [layer[index].uv for index in polygon.loop_indices]
    u, v = (sum(corner[axis] for corner in corners) / len(corners) for axis in (0, 1))
    start = 4 * (int(v * height) * width + int(u * width))
    centre = thing.matrix_world @ polygon.center
    samples.append({"centre": list(centre), "color": list(pixels[start : start + 3])})
facts = {
    "samples": samples, "vertices": len(mesh.vertices), "normals": len(mesh.corner_normals),
    "roughness": next(
        node.inputs["Roughness"].default_value
        for node in mesh.materials[0].node_tree.nodes if node.type == "BSDF_PRINCIPLED"
    ),
}  # fmt: skip
print("FACTS " + json.dumps(facts))
