"""Files of the phantom's masks, written by other programs: SimpleITK, nibabel, pynrrd, highdicom, dcmqi."""

import json
import subprocess

import nibabel
import numpy as np
import SimpleITK as sitk

from tests.export.dicom_films import film, program
from tests.measure.phantoms import HEART, LEFT, RIGHT, box

SIDE_MM = 0.143
MASKS = {"heart": box(*HEART), "right_lung": box(*RIGHT), "left_lung": box(*LEFT)}  # the heart overlaps both lungs
SPINE = box(10, 76, 110, 83)

SCT = {"heart": ("80891009", "Heart"), "right_lung": ("39607008", "Lung"), "left_lung": ("39607008", "Lung")}
SRT = {"heart": ("T-32000", "Heart"), "right_lung": ("T-28000", "Lung"), "left_lung": ("T-28000", "Lung")}
SIDES = {"right_lung": ("24028007", "Right"), "left_lung": ("7771000", "Left")}
OLD_SIDES = {"right_lung": ("G-A100", "Right"), "left_lung": ("G-A101", "Left")}


def label_map():
    """Label map of the lungs (1, 2) and the heart (3), which covers them."""
    found = MASKS["right_lung"] + 2 * MASKS["left_lung"]
    found[MASKS["heart"] > 0] = 3
    return found.astype(np.uint8)


def itk_image(values, side=SIDE_MM):
    """Image of a picture with square pixels, in the plane where ITK puts pictures."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((side, side, 1.0)[: image.GetDimension()])
    return image


def nifti(values, affine, unit="mm"):
    """NIfTI of nibabel: values [i, j, k], and their affine."""
    made = nibabel.Nifti1Image(np.ascontiguousarray(values), np.asarray(affine, float))
    made.header.set_xyzt_units(unit)
    return made


def slicer_fields(names, values=None, layers=None):
    """Header of a ``.seg.nrrd`` file as 3D Slicer writes it, for pynrrd."""
    fields = {
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segmentation_MasterRepresentation": "Binary labelmap",
    }
    for number, name in enumerate(names):
        value, layer = values[number] if values else number + 1, layers[number] if layers else 0
        fields |= {f"Segment{number}_ID": f"Segment_{number}", f"Segment{number}_Name": name}
        fields |= {f"Segment{number}_LabelValue": str(value), f"Segment{number}_Layer": str(layer)}
    return fields


def placed_film(shape, side=SIDE_MM, number=1):
    """A DX object with the geometry that dcmqi asks for."""
    place = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "SliceThickness": 1}
    uids = {"FrameOfReferenceUID": "1.2.3.9"}
    return film(number, np.zeros(shape, np.uint16), PixelSpacing=[side, side], **place, **uids)


def highdicom_seg(masks, kind="BINARY", source=None, codes=SCT, labels=None, pixels=None):
    """DICOM SEG of highdicom with a segment for each mask."""
    import highdicom as hd

    def description(number, name):
        structure, side = codes[name], SIDES.get(name)
        made = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=(labels or {}).get(name, f"Segment {number}"),
            segmented_property_category=hd.sr.CodedConcept("123037004", "SCT", "Anatomical Structure"),
            segmented_property_type=hd.sr.CodedConcept(structure[0], "SCT", structure[1]),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        if side is not None:
            concept = hd.sr.CodedConcept(side[0], "SCT", side[1])
            made.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [concept]
        return made

    pixels = np.stack(list(masks.values()), axis=-1)[None] if pixels is None else pixels
    return hd.seg.Segmentation(
        [placed_film(next(iter(masks.values())).shape) if source is None else source],
        pixels,
        kind,
        [description(number, name) for number, name in enumerate(masks, 1)],
        series_instance_uid="1.2.3.77",
        series_number=1,
        sop_instance_uid="1.2.3.78",
        instance_number=1,
        manufacturer="Maker",
        manufacturer_model_name="Model",
        software_versions="1",
        device_serial_number="1",
    )


def dcmqi_seg(folder, codes, scheme, sides):
    """DICOM SEG of dcmqi, with codes of either scheme and no useful labels."""
    placed_film(MASKS["heart"].shape).save_as(folder / "film.dcm", enforce_file_format=True)
    segments, files = [], []
    for number, (name, mask) in enumerate(MASKS.items(), 1):
        files.append(str(folder / f"{number}.nrrd"))
        sitk.WriteImage(itk_image(mask[None]), files[-1])
        kind = {"CodeValue": codes[name][0], "CodingSchemeDesignator": scheme, "CodeMeaning": codes[name][1]}
        segment = {
            "labelID": 1,
            "SegmentDescription": f"part {number}",
            "SegmentLabel": f"part {number}",
            "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": {
                "CodeValue": "123037004",
                "CodingSchemeDesignator": "SCT",
                "CodeMeaning": "Anatomical Structure",
            },
            "SegmentedPropertyTypeCodeSequence": kind,
        }
        if name in sides:
            side = {"CodeValue": sides[name][0], "CodingSchemeDesignator": scheme, "CodeMeaning": sides[name][1]}
            segment["SegmentedPropertyTypeModifierCodeSequence"] = side
        segments.append([segment])
    facts = {"ContentCreatorName": "Reader1", "ClinicalTrialSeriesID": "1", "ClinicalTrialTimePointID": "1"}
    facts |= {"SeriesDescription": "Segmentation", "SeriesNumber": "300", "InstanceNumber": "1", "BodyPartExamined": ""}
    (folder / "meta.json").write_text(json.dumps({**facts, "segmentAttributes": segments}))
    words = ["--inputImageList", ",".join(files), "--inputDICOMList", str(folder / "film.dcm"), "--inputMetadata",
             str(folder / "meta.json"), "--outputDICOM", str(folder / "made.dcm")]  # fmt: skip
    done = subprocess.run([program("itkimage2segimage"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "made.dcm"
