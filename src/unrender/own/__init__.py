"""A category of one's own from a plain folder of photos: shapes, cameras, then the network."""
