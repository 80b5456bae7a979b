"""How far the edges of two masks lie apart."""

from scipy import ndimage


def edge_distance(a, b):
    """Largest distance of the edge of one mask to the other's [voxels]."""
    rims = [m & ~ndimage.binary_erosion(m) for m in (a, b)]
    far = [ndimage.distance_transform_edt(~r) for r in rims]
    return max(far[1][rims[0]].max(), far[0][rims[1]].max())
