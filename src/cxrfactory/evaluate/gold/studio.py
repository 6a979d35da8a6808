"""Convert landmarks to Label Studio tasks with predicted keypoints, and corrected keypoints back to landmarks.

Label Studio may change region ids and may return regions in any order. Each landmark therefore has a unique label
(``RL01`` ... ``RL44``, ``LL01`` ... ``LL50``, ``H01`` ... ``H26``), which identifies it.

Label Studio's coordinates are percentages of the image's width and height, measured from the upper left corner. Ours
are pixels with integers at pixel centres, so ``percent = 100 (x + 0.5) / size``.
"""

import base64
import math
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Float

from cxrfactory.anatomy.graph import LandmarkGraph
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.overlay import ORGAN_COLOURS

# Records of Label Studio's JSON; Label Studio may add keys to them.
Region = dict[str, Any]  # one keypoint
Annotation = dict[str, Any]  # one reader's work on a task; its regions are under `result`
Task = dict[str, Any]  # an image with its metadata and annotations

ORGAN_CODES = {"right_lung": "RL", "left_lung": "LL", "heart": "H"}
FROM_NAME, TO_NAME = "landmark", "image"
KEYPOINT_WIDTH = 0.35  # diameter of the drawn point, per cent of the image's width


def landmark_labels(graph: LandmarkGraph) -> list[str]:
    """Return the label of each node, numbered from 1 within its organ, in the graph's order.

    Raises
    ------
    CxrError
        If the graph has an organ without a code; the published format has only lungs and heart.
    """
    unknown = [organ for organ in graph.organs if organ not in ORGAN_CODES]
    if unknown:
        raise CxrError(f"no Label Studio code for {', '.join(unknown)}; expected {', '.join(ORGAN_CODES)}")
    return [
        f"{ORGAN_CODES[organ]}{place:02d}"
        for organ, where in graph.slices.items()
        for place in range(1, where.stop - where.start + 1)
    ]


def labelling_config(graph: LandmarkGraph) -> str:
    """Return the labelling interface (XML) for the project's settings: one image, and one label for each landmark."""
    lines = [
        "<View>",
        f'  <Image name="{TO_NAME}" value="$image" zoom="true" zoomControl="true" brightnessControl="true" '
        'contrastControl="true"/>',
        f'  <KeyPointLabels name="{FROM_NAME}" toName="{TO_NAME}" strokeWidth="1" opacity="0.9" showInline="true">',
    ]
    organ_of = [organ for organ, where in graph.slices.items() for _ in range(where.start, where.stop)]
    for label, organ in zip(landmark_labels(graph), organ_of, strict=True):
        colour = "#{:02x}{:02x}{:02x}".format(*ORGAN_COLOURS[organ])
        lines.append(f"    <Label value={quoteattr(label)} background={quoteattr(colour)} maxUsages={quoteattr('1')}/>")
    return "\n".join([*lines, "  </KeyPointLabels>", "</View>", ""])


def task(
    release: str,
    image_id: str,
    png: bytes,
    landmarks: Float[np.ndarray, "nodes 2"],
    size: int,
    graph: LandmarkGraph,
    model: str,
) -> Task:
    """Build one task: the embedded image (base64), and its landmarks as a prediction.

    The task omits scores, because they would bias the reader towards certain images.

    Parameters
    ----------
    release, image_id
        Stored in the task's data; the export returns them.
    png
        Square image, encoded as PNG.
    landmarks
        Points (x, y), pixels of that image, in the graph's order.
    size
        Side of the image, pixels.
    graph
        Graph that names the nodes.
    model
        Version of the prediction, as shown by Label Studio.
    """
    regions = [
        {
            "id": label,
            "from_name": FROM_NAME,
            "to_name": TO_NAME,
            "type": "keypointlabels",
            "original_width": size,
            "original_height": size,
            "image_rotation": 0,
            "value": {
                "x": to_percent(float(x), size),
                "y": to_percent(float(y), size),
                "width": KEYPOINT_WIDTH,
                "keypointlabels": [label],
            },
        }
        for label, (x, y) in zip(landmark_labels(graph), np.asarray(landmarks, np.float64), strict=True)
    ]
    image = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return {
        "data": {"image": image, "image_id": image_id, "release": release, "graph": graph.name},
        "predictions": [{"model_version": model, "result": regions}],
    }


def to_percent(pixel: float, size: int) -> float:
    """Convert a pixel coordinate to a percentage of the image's side, measured from the edge."""
    return 100 * (pixel + 0.5) / size


def to_pixel(percent: float, size: int) -> float:
    """Convert a percentage to a pixel coordinate; the inverse of :func:`to_percent`."""
    return percent * size / 100 - 0.5


def corrected_landmarks(regions: list[Region], graph: LandmarkGraph) -> tuple[Float[np.ndarray, "nodes 2"], int]:
    """Return the landmarks of one annotation.

    Parameters
    ----------
    regions
        ``result`` of the annotation, in any order.
    graph
        Graph that names the nodes.

    Returns
    -------
    Points (x, y) in pixels, float64, in the graph's order; and the side of the image in pixels.

    Raises
    ------
    ImageError
        If a landmark is missing or occurs twice, a region is not a landmark of the graph, the image was rotated or is
        not square, or a coordinate is not a number.
    """
    places = {label: place for place, label in enumerate(landmark_labels(graph))}
    points = np.full((graph.nodes, 2), np.nan)
    sizes = set()
    for region in regions:
        label = _label(region)
        if label not in places:
            raise ImageError(f"region labelled '{label}'; expected landmarks of graph '{graph.name}' such as 'RL01'")
        if region.get("image_rotation", 0) != 0:
            raise ImageError("annotated on a rotated image; expected rotation 0")
        if not np.isnan(points[places[label]]).any():
            raise ImageError(f"landmark '{label}' occurs twice; expected each once")
        width, height = region.get("original_width"), region.get("original_height")
        if not isinstance(width, int) or width < 1 or width != height:
            raise ImageError(f"image of {width} x {height} pixels; expected the square image of the task")
        sizes.add(width)
        points[places[label]] = [to_pixel(_number(region, axis, label), width) for axis in ("x", "y")]
    missing = [label for label, place in places.items() if np.isnan(points[place]).any()]
    if missing:
        raise ImageError(f"{len(missing)} of {graph.nodes} landmarks are missing, first '{missing[0]}'")
    if len(sizes) != 1:
        raise ImageError(f"regions of images of sides {sorted(sizes)}; expected one")
    return points, sizes.pop()


def _label(region: Region) -> str:
    labels = region.get("value", {}).get("keypointlabels", [])
    if region.get("type") != "keypointlabels" or len(labels) != 1:
        raise ImageError(f"region of type '{region.get('type')}' with {len(labels)} labels; expected keypoints of one")
    return labels[0]


def _number(region: Region, axis: str, label: str) -> float:
    value = region["value"].get(axis)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ImageError(f"landmark '{label}' has {axis} = {value!r}; expected a number, per cent of the image")
    return float(value)
