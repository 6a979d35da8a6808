"""Files of masks as programs write them: names of structures, legends, pictures, volumes of a slice, DICOM SEG."""
