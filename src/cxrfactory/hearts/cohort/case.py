"""A virtual case: the shape of a patient's heart at one time of the cycle and the images of an examination."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.random import Generator, default_rng

from cxrfactory.hearts.cohort.anatomy import Anatomy, HeartTemplate, prepare
from cxrfactory.hearts.cohort.contrast import Scanner, draw_scanner
from cxrfactory.hearts.cohort.noise import draw_noise
from cxrfactory.hearts.cohort.planning import Plan, Pose, Slice, draw_plan, draw_pose
from cxrfactory.hearts.cohort.render import Scene, render
from cxrfactory.hearts.cohort.shape import Hearts, draw_hearts, draw_shape
from cxrfactory.hearts.cohort.thorax import draw_thorax, draw_vessels
from cxrfactory.hearts.views import HeartViews, ImagePlane
from cxrfactory.tables.keys import seed_of

FRAMES = ("ED", "ES")


@dataclass(frozen=True)
class VirtualHeart:
    """A virtual case with its truth.

    Attributes
    ----------
    views
        Image planes.
    vertices_mm
        Nodes of the template's mesh in the patient's coordinates.
    edv_ml, esv_ml
        Volumes of the left cavity at end-diastole and end-systole.
    facts
        Some of the numbers that the case was drawn with.
    """

    views: HeartViews
    vertices_mm: Float32[np.ndarray, "nodes 3"]
    edv_ml: float
    esv_ml: float
    facts: dict[str, float]


@dataclass(frozen=True)
class VirtualPatient:
    """All that the frames of a patient share."""

    patient_id: str
    seed: int
    anatomy: Anatomy
    hearts: Hearts
    pose: Pose
    plan: Plan
    scanner: Scanner
    scenes: dict[str, Scene]


def make_case(template: HeartTemplate | Anatomy, patient_id: str, frame: str, seed: int = 0) -> VirtualHeart:
    """Make a case of a virtual patient; it depends on the template, the patient's id, the frame and the seed alone.

    Parameters
    ----------
    template
        Template of the heart, or what :func:`~cxrfactory.hearts.cohort.anatomy.prepare` made of it, which saves time.
    patient_id
        Name of the patient; the case has the same name.
    frame
        ``ED`` or ``ES``; both have the same shape of the heart, slices and contrast.
    seed
        Seed of the cohort.

    Examples
    --------
    >>> case = make_case(template, "heart0001", "ES")
    >>> len(case.views.short_axis) >= 5, bool(case.esv_ml < case.edv_ml)
    (True, True)
    """
    return case_of(draw_patient(template, patient_id, seed), frame)


def draw_patient(template: HeartTemplate | Anatomy, patient_id: str, seed: int = 0) -> VirtualPatient:
    """Draw what the frames of a patient share; the parameters are those of :func:`make_case`."""
    anatomy = template if isinstance(template, Anatomy) else prepare(template)

    def source(purpose: str) -> Generator:
        return default_rng(seed_of(patient_id, f"virtual heart, {purpose}", seed))

    rng = source("shape")
    hearts = draw_hearts(rng, anatomy, draw_shape(rng, anatomy))
    pose = draw_pose(source("pose"))
    placed = {"ED": pose.place(hearts.ed), "ES": pose.place(hearts.es)}
    rng = source("surroundings")
    chest, middle = draw_thorax(rng, placed["ED"])
    noise = draw_noise(rng)
    scenes = {}
    state = rng.bit_generator.state
    for frame, closed in zip(FRAMES, (0.0, 1.0), strict=True):
        rng.bit_generator.state = state  # vessels follow the heart, and are otherwise the same
        vessels = draw_vessels(rng, anatomy, placed[frame], chest, middle)
        scenes[frame] = Scene(placed[frame], closed, chest, middle, vessels, noise)
    plan = draw_plan(source("plan"), _landmarks(anatomy, placed["ED"]), placed["ED"].mean(0))
    scanner = draw_scanner(source("scanner"), anatomy)
    return VirtualPatient(patient_id, seed, anatomy, hearts, pose, plan, scanner, scenes)


def case_of(patient: VirtualPatient, frame: str) -> VirtualHeart:
    """Make the case of a drawn patient at a time of the cycle, ``ED`` or ``ES``."""
    scene = patient.scenes[frame]
    rng = default_rng(seed_of(patient.patient_id, f"virtual heart, images at {frame}", patient.seed))

    def plane(plan: Slice) -> ImagePlane:
        pixels = render(rng, patient.anatomy, scene, patient.scanner, plan)
        spacing = (plan.spacing_mm, plan.spacing_mm)
        return ImagePlane(pixels, plan.origin_mm, plan.across, plan.down, spacing, plan.thickness_mm)

    short = tuple(plane(each) for each in patient.plan.short_axis)
    long_axis = {name: plane(each) for name, each in patient.plan.long_axis.items()}
    views = HeartViews(patient.patient_id, patient.patient_id, frame, short, long_axis)
    hearts = patient.hearts
    return VirtualHeart(views, scene.heart_mm.astype(np.float32), hearts.edv_ml, hearts.esv_ml, _facts(patient))


def _landmarks(anatomy: Anatomy, heart_mm: np.ndarray) -> dict[str, np.ndarray]:
    """Return the landmarks in the patient: each moves as the nodes of the template nearest to it do on average."""
    places = np.asarray(anatomy.mesh.vertices_mm, float)
    found = {}
    for name, place in anatomy.landmarks_mm.items():
        near = np.argsort(np.linalg.norm(places - place, axis=1), kind="stable")[:12]
        found[name] = heart_mm[near].mean(0)
    return found


def _facts(patient: VirtualPatient) -> dict[str, float]:
    stack = patient.plan.short_axis
    centres = [each.origin_mm for each in stack[:2]]
    hearts = patient.hearts
    return {
        "ejection_fraction": 1 - hearts.esv_ml / hearts.edv_ml,
        "wall_ml": hearts.wall_ml,
        "slices": len(stack),
        "slice_distance_mm": float(np.linalg.norm(centres[1] - centres[0])),
        "largest_shift_mm": max(float(np.linalg.norm(each.moved_mm)) for each in stack),
        "noise": patient.scanner.noise,
        "muscle": patient.scanner.look.muscle,
        "fat_mm": patient.scanner.look.fat,
    }
