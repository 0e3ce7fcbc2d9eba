"""nvdiffrast's torch interface: `import unrender.compat.nvdiffrast.torch as dr`."""
