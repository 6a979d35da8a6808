import pytest

from cxrfactory.tables.landmark_set import patient_of


@pytest.mark.parametrize(
    ("image_id", "source", "condition", "patient"),
    [
        ("123_456", "Padchest", "same pt as 9", "123"),
        ("MCUCXR_0002_0", "Montgomery", "normal, same pt as MCUCXR_0001_0", "MCUCXR_0001_0"),
        ("JPCLN001_a", "JSRT", "nodule", "JPCLN001_a"),
    ],
)
def test_patient_of_an_image(image_id, source, condition, patient):
    assert patient_of(image_id, source, condition) == patient
