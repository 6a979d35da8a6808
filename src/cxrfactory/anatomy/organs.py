"""The organs of the landmark graph: names, orders and numbers of nodes.

Two orders are in use. Nodes, truth tables and codes begin with the patient's right lung, which lies on the image's left
(:data:`ORGANS`). The columns of a CheXmask table begin with the patient's left lung (:data:`ORGAN_COLUMNS`). The
numbers of nodes are those of the JSRT annotations (van Ginneken et al., 2006).
"""

LUNGS = ("right_lung", "left_lung")
BOTH_LUNGS = "lungs"  # right and left lung together, as one mask
HEART = "heart"
ORGANS = (*LUNGS, HEART)  # in the order of their nodes
CLAVICLES = ("right_clavicle", "left_clavicle")

# Organ -> column of its mask in a CheXmask table, in the published order.
ORGAN_COLUMNS = {"left_lung": "Left Lung", "right_lung": "Right Lung", "heart": "Heart"}
PUBLISHED_ORGANS = tuple(ORGAN_COLUMNS)

# A region is an organ by one definition, or whatever else somebody draws (anatomy/regions.py).
REGION_NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"

ORGAN_NODES = {"right_lung": 44, "left_lung": 50, "heart": 26, "right_clavicle": 23, "left_clavicle": 23}
LUNG_NODES = sum(ORGAN_NODES[organ] for organ in LUNGS)
PUBLISHED_NODES = sum(ORGAN_NODES[organ] for organ in ORGANS)  # a CheXmask table has no clavicles
NODE_COUNTS = (LUNG_NODES, PUBLISHED_NODES, sum(ORGAN_NODES.values()))  # 94, 120, 166
